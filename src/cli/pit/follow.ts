import type { PitEventAnswer } from '../../api/pit.ts';
import { GscipError } from '../../base/errors.ts';
import { watch } from '../control-client.ts';

/** What ends a watch, beside the agent. */
interface Bounds {
  /** events that are taken */
  readonly count?: number;
  /** seconds */
  readonly for?: number;
}

/**
 * Follows the flows of the agent until it stops, a bound is reached, or somebody presses Ctrl-C: all of these are good ends. `each`
 * says whether it took the event.
 */
export async function followFlows(
  socket: string,
  open: boolean,
  bounds: Bounds,
  each: (event: PitEventAnswer) => boolean,
): Promise<void> {
  const stop = new AbortController();
  const end = () => stop.abort();
  const timer = bounds.for === undefined ? undefined : setTimeout(end, bounds.for * 1_000);
  for (const signal of SIGNALS) process.once(signal, end);
  let orderly = false;
  let left = bounds.count ?? Number.POSITIVE_INFINITY;
  try {
    await watch<PitEventAnswer>(
      socket,
      { verb: 'pit-watch', open },
      (event) => {
        if (event.event === 'end') orderly = true;
        if (each(event) && --left <= 0) end();
      },
      stop.signal,
    );
  } finally {
    clearTimeout(timer);
    for (const signal of SIGNALS) process.off(signal, end);
  }
  if (orderly || stop.signal.aborted) return;
  throw new GscipError(
    'watch-lost',
    'the agent ended the watch without a word: it died, or this reader was far too slow',
    'see "gscip status"; a reader that keeps up loses nothing',
  );
}

const SIGNALS = ['SIGINT', 'SIGTERM'] as const;
