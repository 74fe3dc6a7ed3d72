import { GscipError } from '../../src/base/errors.ts';
import { sweepLeftovers } from '../../src/cli/lab/leftovers.ts';
import { until } from '../../src/cli/lab/until.ts';

/**
 * Makes sure that nothing of an earlier or another run disturbs a measurement: removes empty leftovers, waits a minute for
 * other labs to end, and then refuses, naming what runs.
 */
export async function requireQuiet(): Promise<void> {
  const busy = () => sweepLeftovers().filter((trace) => trace.owner !== process.pid);
  try {
    await until('other labs to end', () => busy().length === 0, { seconds: 60, everyMs: 500 });
  } catch {
    const names = busy().map(
      ({ namespace, owner, pids }) => `${namespace} (of process ${owner}, running: ${pids.join(' ') || 'none'})`,
    );
    if (names.length === 0) return;
    throw new GscipError(
      'not-quiet',
      `not measured while other labs run: ${names.join(', ')}`,
      'end those processes, then try again',
    );
  }
}
