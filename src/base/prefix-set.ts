import { writeAddressWords } from './flow-cid.ts';

interface Prefix {
  readonly words: Int32Array;
  readonly bits: number;
  readonly value: number;
}

/** One hash table over the prefixes of one length. */
interface Level {
  readonly bits: number;
  readonly mask: Int32Array;
  /** rows of five: four masked words, then value + 1 (0: free) */
  readonly rows: Int32Array;
  readonly size: number;
}

const ROW = 5;

/**
 * Longest-prefix match from an address to a number ≥ 0 (a peer, a route): the virtual addresses and routes of rosters.
 * Changes are rare and rebuild the look-up tables on the next `find`; a look-up costs one probe per length in use.
 */
export class PrefixSet {
  readonly #prefixes = { 4: new Map<string, Prefix>(), 6: new Map<string, Prefix>() };
  #levels: { 4: readonly Level[]; 6: readonly Level[] } | null = null;

  /** Adds or replaces a prefix: a 16-byte address (IPv4 in the last four bytes) and its length, up to 32 or 128. */
  set(family: 4 | 6, address: Uint8Array, length: number, value: number): void {
    const { key, prefix } = masked(family, address, length, value);
    this.#prefixes[family].set(key, prefix);
    this.#levels = null;
  }

  delete(family: 4 | 6, address: Uint8Array, length: number): boolean {
    const { key } = masked(family, address, length, 0);
    this.#levels = null;
    return this.#prefixes[family].delete(key);
  }

  clear(): void {
    this.#prefixes[4].clear();
    this.#prefixes[6].clear();
    this.#levels = null;
  }

  get count(): number {
    return this.#prefixes[4].size + this.#prefixes[6].size;
  }

  /** The value of the longest prefix over the address in the four words at `at`, or -1. */
  find(family: 4 | 6, words: Int32Array, at: number): number {
    this.#levels ??= { 4: build(this.#prefixes[4]), 6: build(this.#prefixes[6]) };
    for (const level of family === 4 ? this.#levels[4] : this.#levels[6]) {
      const value = probe(level, words, at);
      if (value >= 0) return value;
    }
    return -1;
  }
}

function masked(family: 4 | 6, address: Uint8Array, length: number, value: number): { key: string; prefix: Prefix } {
  const most = family === 4 ? 32 : 128;
  if (address.length !== 16) throw new RangeError('a prefix needs an address of 16 bytes');
  if (!Number.isInteger(length) || length < 0 || length > most) throw new RangeError(`prefix length ${length}`);
  const bits = 128 - most + length;
  const mask = maskOf(bits);
  const words = new Int32Array(4);
  writeAddressWords(address, words, 0);
  for (let word = 0; word < 4; word++) words[word] &= mask[word];
  return { key: `${words.join(',')}/${bits}`, prefix: { words, bits, value } };
}

function maskOf(bits: number): Int32Array {
  const mask = new Int32Array(4);
  for (let word = 0; word < 4; word++) {
    const inside = Math.max(0, Math.min(32, bits - 32 * word));
    mask[word] = inside === 0 ? 0 : -1 << (32 - inside);
  }
  return mask;
}

/** Levels with the longest prefixes first. */
function build(prefixes: ReadonlyMap<string, Prefix>): readonly Level[] {
  const byBits = new Map<number, Prefix[]>();
  for (const prefix of prefixes.values()) {
    const same = byBits.get(prefix.bits);
    if (same === undefined) byBits.set(prefix.bits, [prefix]);
    else same.push(prefix);
  }
  return [...byBits].sort(([a], [b]) => b - a).map(([bits, same]) => buildLevel(bits, same));
}

function buildLevel(bits: number, prefixes: readonly Prefix[]): Level {
  const size = 2 ** Math.ceil(Math.log2(2 * prefixes.length));
  const rows = new Int32Array(size * ROW);
  for (const { words, value } of prefixes) {
    let row = hash(words[0], words[1], words[2], words[3]) & (size - 1);
    while (rows[row * ROW + 4] !== 0) row = (row + 1) & (size - 1);
    rows.set(words, row * ROW);
    rows[row * ROW + 4] = value + 1;
  }
  return { bits, mask: maskOf(bits), rows, size };
}

function probe({ mask, rows, size }: Level, words: Int32Array, at: number): number {
  const a = words[at] & mask[0];
  const b = words[at + 1] & mask[1];
  const c = words[at + 2] & mask[2];
  const d = words[at + 3] & mask[3];
  for (let row = hash(a, b, c, d) & (size - 1); ; row = (row + 1) & (size - 1)) {
    const base = row * ROW;
    const stored = rows[base + 4];
    if (stored === 0) return -1;
    if (rows[base + 3] === d && rows[base + 2] === c && rows[base + 1] === b && rows[base] === a) return stored - 1;
  }
}

/** Spreads well-meant keys only: the prefixes come from signed rosters. */
function hash(a: number, b: number, c: number, d: number): number {
  let h = Math.imul(a, 0x9e3779b1) ^ Math.imul(b, 0x85ebca6b) ^ Math.imul(c, 0xc2b2ae35) ^ Math.imul(d, 0x27d4eb2f);
  h = Math.imul(h ^ (h >>> 15), 0x2c1b3c6d);
  return h ^ (h >>> 13);
}
