import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** A whole collection of garbage, now: some ten milliseconds in which nothing else runs. */
export function collectGarbage(): void {
  setFlagsFromString('--expose-gc');
  const collect: () => void = runInNewContext('gc');
  setFlagsFromString('--no-expose-gc');
  collect();
}
