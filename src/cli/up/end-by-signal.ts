import { GscipError } from '../../base/errors.ts';

const SIGNALS = ['SIGINT', 'SIGTERM'] as const;

/** Where signals come from. */
interface Signals {
  once(name: string, act: () => void): unknown;
  on(name: string, act: () => void): unknown;
}

/**
 * Is aborted when somebody ends this process, whose default end would leave behind what was done to the machine so far. The
 * second such signal ends it at once. A SIGHUP that comes too early for a reload does no harm.
 */
export function endBySignal(ending: () => void, source: Signals = process): AbortSignal {
  const end = new AbortController();
  for (const signal of SIGNALS)
    source.once(signal, () => {
      if (end.signal.aborted) return;
      ending();
      end.abort(new EndedBySignal(signal));
    });
  source.on('SIGHUP', () => undefined);
  return end.signal;
}

/** The name of what ended it. */
export function endingSignal({ reason }: AbortSignal): string {
  return reason instanceof EndedBySignal ? reason.signal : 'unknown';
}

class EndedBySignal extends GscipError {
  readonly signal: (typeof SIGNALS)[number];

  constructor(signal: (typeof SIGNALS)[number]) {
    super('stopped', `the node did not start: it was ended by ${signal}`, 'start it again with: sudo gscip up');
    this.signal = signal;
  }
}
