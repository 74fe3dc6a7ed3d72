import { FLOW, FLOW_FLAG, PROTOCOL } from './flow-words.ts';

const FACTOR = 0x9e3779b1;

/**
 * A number of 16 bits that both directions of a flow have in common: its remainder is the flow's queue and its lane (protocol.md
 * 5.4). The kernel computes the same for its choice of a queue (native/steering.cc), except that it does not look for ports
 * behind extension headers.
 */
export function flowNumber(flow: Int32Array): number {
  const head = flow[FLOW.head];
  const protocol = head & 0xff;
  let number = 0;
  for (let word = FLOW.source; word < FLOW.ports; word++) number ^= flow[word];
  const ports = flow[FLOW.ports];
  const hasPorts = protocol === PROTOCOL.tcp || protocol === PROTOCOL.udp;
  if (hasPorts && (flow[FLOW.flags] & FLOW_FLAG.fragment) === 0) number ^= (ports >>> 16) ^ (ports & 0xffff);
  return Math.imul(number, FACTOR) >>> 16;
}

/** The lane of a flow at a node of `own` loops, in an SA of `agreed` lanes: always the same one (protocol.md 5.4, K5). */
export function laneOf(flow: Int32Array, own: number, agreed: number): number {
  return (flowNumber(flow) % own) % Math.max(1, agreed);
}
