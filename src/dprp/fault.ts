/** Why a datagram or record of DPRP was not decoded; also the name of the counter that counts it (protocol.md W1). */
export const DPRP_FAULTS = [
  'length',
  'type',
  'version',
  'flags',
  'index',
  'hops',
  'pad',
  'slot',
  'preference',
  'suite',
  'caps',
  'cid',
  'action',
  'mode',
  'node-type',
  'side',
  'form',
  'status',
  'reason',
  'lanes',
  'count',
  'rekey',
  'unknown-record',
] as const;
export type DprpFault = (typeof DPRP_FAULTS)[number];

/** True when a decoder gave a fault instead of a message. */
export function isFault<T extends object>(decoded: T | DprpFault): decoded is DprpFault {
  return typeof decoded === 'string';
}
