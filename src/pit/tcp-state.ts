import { DIRECTION } from './terms.ts';

/*
 *            SYN                 SYN+ACK back            ACK
 *  none ───────────► opening ───────────────► answered ───────► established
 *    │ (no SYN: taken up in the middle)                             │ FIN
 *    └──────────────────────────────────────────────────────────►  │
 *                    closing (both FINs) ◄─── halfClosedForward / halfClosedReverse
 *  RST from anywhere: reset.   SYN in closing or reset: opening again.
 *
 *  It sets idle times only (expire.ts) and lets nothing through or drops it: sequence numbers are not followed.
 */
export const TCP_STATE = {
  none: 0,
  opening: 1,
  answered: 2,
  established: 3,
  halfClosedForward: 4,
  halfClosedReverse: 5,
  closing: 6,
  reset: 7,
} as const;

export const TCP_STATE_NAMES = [
  'none',
  'opening',
  'answered',
  'established',
  'half-closed-forward',
  'half-closed-reverse',
  'closing',
  'reset',
] as const;

export const TCP_FLAG = { fin: 1, syn: 2, rst: 4, psh: 8, ack: 16 } as const;

/** The state after a packet (or the joined flags of a run of packets) went in `direction` of the flow. */
export function nextTcpState(state: number, flags: number, direction: 0 | 1): number {
  if ((flags & TCP_FLAG.rst) !== 0) return TCP_STATE.reset;
  if ((flags & TCP_FLAG.syn) !== 0) return afterSyn(state, flags);
  if ((flags & TCP_FLAG.fin) !== 0) return afterFin(state, direction);
  if (state === TCP_STATE.none) return TCP_STATE.established;
  return state === TCP_STATE.answered && direction === DIRECTION.forward ? TCP_STATE.established : state;
}

function afterSyn(state: number, flags: number): number {
  if ((flags & TCP_FLAG.ack) !== 0)
    return state === TCP_STATE.opening || state === TCP_STATE.none ? TCP_STATE.answered : state;
  return state === TCP_STATE.none || state >= TCP_STATE.closing ? TCP_STATE.opening : state;
}

function afterFin(state: number, direction: 0 | 1): number {
  if (state >= TCP_STATE.closing) return state;
  const [own, other] =
    direction === DIRECTION.forward
      ? [TCP_STATE.halfClosedForward, TCP_STATE.halfClosedReverse]
      : [TCP_STATE.halfClosedReverse, TCP_STATE.halfClosedForward];
  return state === other ? TCP_STATE.closing : own;
}
