import { FLOW } from '../base/flow-words.ts';
import { hashWords } from './hash-words.ts';

/**
 * The key of a flow: the CID's words with the smaller end first, so that both directions have the same key.
 * Words: 0 protocol | family bit, 1–4 low address, 5–8 high address, 9 low port << 16 | high port.
 */
export const FLOW_KEY = { head: 0, low: 1, high: 5, ports: 9, words: 10 } as const;

/** Of word 0: what belongs to the key, the table keeps other fields above it. */
export const KEY_HEAD_BITS = 0x1ff;
export const KEY_FAMILY_6 = 0x100;

/** Writes the key of FLOW words; 1 when source and destination changed places (protocol.md 5.1). */
export function normalise(flow: Int32Array, key: Int32Array): 0 | 1 {
  const head = flow[FLOW.head];
  key[FLOW_KEY.head] = (head & 0xff) | (head >>> 8 === 6 ? KEY_FAMILY_6 : 0);
  const swapped = sourceIsHigh(flow);
  const low = swapped ? FLOW.destination : FLOW.source;
  const high = swapped ? FLOW.source : FLOW.destination;
  for (let word = 0; word < 4; word++) {
    key[FLOW_KEY.low + word] = flow[low + word];
    key[FLOW_KEY.high + word] = flow[high + word];
  }
  const ports = flow[FLOW.ports];
  key[FLOW_KEY.ports] = swapped ? (ports << 16) | (ports >>> 16) : ports;
  return swapped ? 1 : 0;
}

function sourceIsHigh(flow: Int32Array): boolean {
  for (let word = 0; word < 4; word++) {
    const source = flow[FLOW.source + word];
    const destination = flow[FLOW.destination + word];
    if (source !== destination) return source >>> 0 > destination >>> 0;
  }
  const ports = flow[FLOW.ports];
  return ports >>> 16 > (ports & 0xffff);
}

/** 64 secret random bits: peers choose ports, so an unkeyed hash would let them fill one place of the index. */
export interface HashSeed {
  readonly low: number;
  readonly high: number;
}

const ipv4Words = new Int32Array(4);

/** Hash of the key that starts at `at`; 32 bits, signed. */
export function hashFlowKey(keys: Int32Array, at: number, seed: HashSeed): number {
  const head = keys[at] & KEY_HEAD_BITS;
  if ((head & KEY_FAMILY_6) === 0) {
    ipv4Words[0] = head;
    ipv4Words[1] = keys[at + FLOW_KEY.low + 3];
    ipv4Words[2] = keys[at + FLOW_KEY.high + 3];
    ipv4Words[3] = keys[at + FLOW_KEY.ports];
    return hashWords(ipv4Words, 0, 4, seed.low ^ head, seed.high);
  }
  // the first word also holds fields that change: the head goes in by the seed
  return hashWords(keys, at + 1, FLOW_KEY.words - 1, seed.low ^ head, seed.high);
}
