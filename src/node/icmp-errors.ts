import { FLOW } from '../base/flow-words.ts';

/** ICMP types that say that the TTL ran out, by family. */
const TIME_EXCEEDED = { 4: 11, 6: 3 } as const;

/** What became of an ICMP error; also the name of the counter that counts it. */
export type IcmpErrorName = 'ttl-expired' | 'icmp-error-passed';

/** The counter of an ICMP error about a tunnelled flow, by its type: it is passed on like the flow itself (protocol.md 5.1). */
export function icmpErrorName(flow: Int32Array, type: number): IcmpErrorName {
  const family = flow[FLOW.head] >>> 8 === 4 ? 4 : 6;
  return type === TIME_EXCEEDED[family] ? 'ttl-expired' : 'icmp-error-passed';
}
