import { compareBytes, utf8, wipe } from './bytes.ts';

/** What we write and read: a small part of CBOR, in the one encoding that RFC 8949 4.2.1 leaves for each value. */
export type CborValue =
  | number
  | string
  | boolean
  | null
  | Uint8Array
  | readonly CborValue[]
  | ReadonlyMap<CborKey, CborValue>;
export type CborKey = number | string;
/** What can be written: also values that are encoded already, among others that are not. */
export type CborInput = CborValue | EncodedCbor | readonly CborInput[] | ReadonlyMap<CborKey, CborInput>;

/** One value as `encodeCbor` gives it, kept to be written many times. */
export class EncodedCbor {
  readonly bytes: Uint8Array;

  constructor(value: CborInput) {
    this.bytes = encodeCbor(value);
  }
}

/** Major types and simple values of RFC 8949 3.1. */
export const CBOR = { uint: 0, negative: 1, bytes: 2, text: 3, array: 4, map: 5, simple: 7 } as const;
export const CBOR_SIMPLE = { false: 20, true: 21, null: 22 } as const;

/**
 * The deterministic encoding: shortest heads, definite lengths, map keys in the order of their encoded bytes.
 * Throws RangeError on what has no such encoding here: fractions, integers beyond 2^53, lone surrogates.
 */
export function encodeCbor(value: CborInput): Uint8Array {
  return encodeCborBehind(NOTHING, value);
}

/** The same behind other bytes, as a signature covers it behind a label. */
export function encodeCborBehind(before: Uint8Array, value: CborInput): Uint8Array {
  const writer = new CborWriter(before);
  writer.item(value);
  return writer.finish();
}

const NOTHING = new Uint8Array(0);

/** A map with text keys, as most of our formats use it; undefined fields are left out. */
export function cborMap(fields: Readonly<Record<string, CborValue | undefined>>): ReadonlyMap<CborKey, CborValue>;
export function cborMap(fields: Readonly<Record<string, CborInput | undefined>>): ReadonlyMap<CborKey, CborInput>;
export function cborMap(fields: Readonly<Record<string, CborInput | undefined>>): ReadonlyMap<CborKey, CborInput> {
  const map = new Map<CborKey, CborInput>();
  for (const [key, value] of Object.entries(fields)) if (value !== undefined) map.set(key, value);
  return map;
}

/** What a writer begins in, so that only results are allocated anew; no writer keeps it while another runs. */
let spare: Uint8Array | undefined = new Uint8Array(4_096);
/** A longer one is not kept. */
const MOST_SPARE = 4 << 20;

/** Writes items one after the other into a buffer that grows; what it leaves behind is overwritten, since it may be secret. */
class CborWriter {
  #bytes: Uint8Array;
  #at = 0;

  constructor(before: Uint8Array) {
    this.#bytes = spare ?? new Uint8Array(256);
    spare = undefined;
    this.#raw(before);
  }

  item(value: CborInput): void {
    if (typeof value === 'number') this.#integer(value);
    else if (typeof value === 'string') this.#text(value);
    else if (typeof value === 'boolean') this.#head(CBOR.simple, value ? CBOR_SIMPLE.true : CBOR_SIMPLE.false);
    else if (value === null) this.#head(CBOR.simple, CBOR_SIMPLE.null);
    else if (value instanceof Uint8Array) this.#string(CBOR.bytes, value);
    else if (value instanceof EncodedCbor) this.#raw(value.bytes);
    else if (isMap(value)) this.#map(value);
    else this.#list(value);
  }

  finish(): Uint8Array {
    const out = this.#bytes.slice(0, this.#at);
    this.#bytes.fill(0, 0, this.#at);
    if (this.#bytes.length <= MOST_SPARE && this.#bytes.length >= (spare?.length ?? 0)) spare = this.#bytes;
    return out;
  }

  #integer(value: number): void {
    if (!Number.isSafeInteger(value)) throw new RangeError(`cbor: ${value} is no safe integer`);
    if (value >= 0) this.#head(CBOR.uint, value);
    else this.#head(CBOR.negative, -1 - value);
  }

  #text(value: string): void {
    if (!value.isWellFormed()) throw new RangeError('cbor: text with a lone surrogate');
    this.#string(CBOR.text, utf8(value));
  }

  #list(list: readonly CborInput[]): void {
    this.#head(CBOR.array, list.length);
    for (const each of list) this.item(each);
  }

  #map(map: ReadonlyMap<CborKey, CborInput>): void {
    const entries = [...map].map(([key, value]) => ({ key: encodedKey(key), value }));
    entries.sort((a, b) => compareBytes(a.key, b.key));
    this.#head(CBOR.map, map.size);
    for (const { key, value } of entries) {
      this.#raw(key);
      this.item(value);
    }
  }

  #string(major: number, bytes: Uint8Array): void {
    this.#head(major, bytes.length);
    this.#raw(bytes);
  }

  #raw(bytes: Uint8Array): void {
    this.#reserve(bytes.length);
    this.#bytes.set(bytes, this.#at);
    this.#at += bytes.length;
  }

  /** The shortest head that holds the number. */
  #head(major: number, argument: number): void {
    if (argument < 24) return this.#big(major, argument, 0);
    if (argument < 0x100) return this.#big(major, argument, 1);
    if (argument < 0x1_0000) return this.#big(major, argument, 2);
    return this.#big(major, argument, argument <= 0xffff_ffff ? 4 : 8);
  }

  /** A head whose number follows in `size` bytes, or with size 0 stands in the head itself. */
  #big(major: number, argument: number, size: 0 | 1 | 2 | 4 | 8): void {
    this.#reserve(1 + size);
    this.#bytes[this.#at++] = (major << 5) | (size === 0 ? argument : 24 + Math.log2(size));
    let rest = argument;
    for (let i = size - 1; i >= 0; i--) {
      this.#bytes[this.#at + i] = rest % 256;
      rest = Math.floor(rest / 256);
    }
    this.#at += size;
  }

  #reserve(length: number): void {
    if (this.#at + length <= this.#bytes.length) return;
    const before = this.#bytes;
    this.#bytes = new Uint8Array(Math.max(this.#at + length, 2 * before.length));
    this.#bytes.set(before);
    wipe(before);
  }
}

/** Names of fields come again and again. Others are few; the bound is for maps whose keys are data. */
const MOST_NAMES = 512;
const names = new Map<CborKey, Uint8Array>();

function encodedKey(key: CborKey): Uint8Array {
  const known = names.get(key);
  if (known !== undefined) return known;
  const encoded = encodeCbor(key);
  if (names.size < MOST_NAMES) names.set(key, encoded);
  return encoded;
}

function isMap(
  value: readonly CborInput[] | ReadonlyMap<CborKey, CborInput>,
): value is ReadonlyMap<CborKey, CborInput> {
  return value instanceof Map;
}
