/**
 * What the packet path knows of one IP packet: Int32Array words, written by `parseFlow` (flow.ts).
 * Words 0 to 9 are the CID (protocol.md 1.3) with every word read big-endian, so that equal words mean equal flows.
 */
export const FLOW = {
  stride: 25,
  /** family << 8 | protocol */
  head: 0,
  /** four words; IPv4 in the last, the others 0 */
  source: 1,
  /** four words, likewise */
  destination: 5,
  /** source port << 16 | destination port */
  ports: 9,
  /** words of the CID */
  cidWords: 10,
  /** bits of FLOW_FLAG */
  flags: 10,
  /** flags byte of the TCP header, 0 for other protocols */
  tcpFlags: 11,
  /** where the header above IP starts, counted from the IP header */
  l4Offset: 12,
  /** bytes of this packet above IP and its extension headers */
  payloadLength: 13,
  /** of a fragment: its id, and the first byte and the end of its part of the datagram; else undefined */
  fragmentId: 14,
  fragmentOffset: 15,
  fragmentEnd: 16,
  /** of an ICMP error: the addresses of the error itself, which are not the CID's; else undefined */
  outerSource: 17,
  outerDestination: 21,
} as const;

export const FLOW_FLAG = {
  /** any fragment; without `firstFragment` the ports are unknown and 0 */
  fragment: 1,
  firstFragment: 2,
  moreFragments: 4,
  /** the CID is the embedded one, reversed: it names the flow whose sender this error is for (protocol.md 5.1) */
  icmpError: 8,
} as const;

export const PROTOCOL = { icmp: 1, tcp: 6, udp: 17, icmp6: 58 } as const;

/** Why a packet is dropped before the PIT; the names are the counters' names, their positions the status codes. */
export const FLOW_STATUS_NAMES = [
  'ok',
  'short',
  'version',
  'length',
  'ip-header',
  'extension-header',
  'tcp-header',
  'bad-fragment',
  'tiny-fragment',
  'icmp-embedded',
  'icmp-redirect',
  'unspecified',
  'loopback',
  'link-local',
  'multicast',
  'broadcast',
  'mapped-address',
  'foreign-address',
] as const;

export const FLOW_STATUS = {
  ok: 0,
  short: 1,
  version: 2,
  length: 3,
  ipHeader: 4,
  extensionHeader: 5,
  tcpHeader: 6,
  badFragment: 7,
  tinyFragment: 8,
  icmpEmbedded: 9,
  icmpRedirect: 10,
  unspecified: 11,
  loopback: 12,
  linkLocal: 13,
  multicast: 14,
  broadcast: 15,
  mappedAddress: 16,
  /** never returned by `parseFlow`: for whoever holds the prefix sets of overlay and routes (protocol.md 5.1) */
  foreignAddress: 17,
} as const;
