import type { Hedge } from '../dprp/ephemeral.ts';

/*
 * The file that hedges a node's ephemeral keys (protocol.md 2.4), 36 bytes:
 *
 *   key 32 · number of starts 4
 */
const SIZE = { key: 32, counter: 4 } as const;

/** The hedge of this start: the key that was kept and the next number; a new key where there is none of its form. */
export function nextHedge(kept: Uint8Array | undefined, random: (length: number) => Uint8Array): Hedge {
  if (kept?.length !== SIZE.key + SIZE.counter) return { key: random(SIZE.key), bootCounter: 1 };
  const starts = new DataView(kept.buffer, kept.byteOffset + SIZE.key).getUint32(0);
  return { key: kept.slice(0, SIZE.key), bootCounter: (starts + 1) >>> 0 };
}

/** What is kept of a hedge, to be written before its first use. */
export function encodeHedge({ key, bootCounter }: Hedge): Uint8Array {
  const file = new Uint8Array(SIZE.key + SIZE.counter);
  file.set(key);
  new DataView(file.buffer).setUint32(SIZE.key, bootCounter);
  return file;
}
