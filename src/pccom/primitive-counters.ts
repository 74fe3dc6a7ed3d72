import { PRIMITIVE_COUNTERS, type PrimitiveCounter } from '../base/primitives.ts';

function at(name: PrimitiveCounter): number {
  return PRIMITIVE_COUNTERS.indexOf(name);
}

/** Positions of the counters that the packet code adds to; found once, so that counting is one array access. */
export const COUNTER = {
  short: at('short'),
  badFlags: at('bad-flags'),
  unknownIndex: at('unknown-index'),
  noKey: at('no-key'),
  replayed: at('replayed'),
  tooOld: at('too-old'),
  authFailed: at('auth-failed'),
  badInnerHeader: at('bad-inner-header'),
  badInnerChecksum: at('bad-inner-checksum'),
  badGso: at('bad-gso'),
  noSa: at('no-sa'),
  counterExhausted: at('counter-exhausted'),
  sendFailed: at('send-failed'),
  tunWriteFailed: at('tun-write-failed'),
  sealed: at('sealed'),
  opened: at('opened'),
  sends: at('sends'),
  tunWrites: at('tun-writes'),
} as const;

/** Fresh counters, one per name of PRIMITIVE_COUNTERS. */
export function makeCounters(): Float64Array {
  return new Float64Array(PRIMITIVE_COUNTERS.length);
}
