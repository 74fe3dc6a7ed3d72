import { FLOW, FLOW_STATUS } from './flow-words.ts';

const { ok, unspecified, loopback, linkLocal, multicast, broadcast, mappedAddress } = FLOW_STATUS;

/**
 * The FLOW_STATUS of two addresses given by the positions of their four words: 0 when both may be an end of a flow.
 * Whether they belong to the overlay or to a route is not asked here (protocol.md P2, 5.1).
 */
export function addressFault(words: Int32Array, source: number, destination: number): number {
  if (words[FLOW.head] >>> 8 === 4) {
    const fault = ipv4Fault(words[source + 3]);
    return fault === ok ? ipv4Fault(words[destination + 3]) : fault;
  }
  const fault = ipv6Fault(words, source);
  return fault === ok ? ipv6Fault(words, destination) : fault;
}

function ipv4Fault(address: number): number {
  const first = address >>> 24;
  if (first === 0) return unspecified;
  if (first === 127) return loopback;
  if (address >>> 16 === 0xa9fe) return linkLocal;
  if (first >= 224 && first < 240) return multicast;
  return address === -1 ? broadcast : ok;
}

function ipv6Fault(words: Int32Array, at: number): number {
  const first = words[at];
  if (first >>> 24 === 0xff) return multicast;
  if (first >>> 22 === 0xfe80 >>> 6) return linkLocal;
  if (first !== 0 || words[at + 1] !== 0) return ok;
  if (words[at + 2] === 0 && words[at + 3] === 0) return unspecified;
  if (words[at + 2] === 0 && words[at + 3] === 1) return loopback;
  // an IPv4 address written as IPv6 would pass by the IPv4 rules
  return words[at + 2] === 0 || words[at + 2] === 0xffff ? mappedAddress : ok;
}
