import { compareBytes, concat, utf8 } from './bytes.ts';

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

/** Major types and simple values of RFC 8949 3.1. */
export const CBOR = { uint: 0, negative: 1, bytes: 2, text: 3, array: 4, map: 5, simple: 7 } as const;
export const CBOR_SIMPLE = { false: 20, true: 21, null: 22 } as const;

/**
 * The deterministic encoding: shortest heads, definite lengths, map keys in the order of their encoded bytes.
 * Throws RangeError on what has no such encoding here: fractions, integers beyond 2^53, lone surrogates.
 */
export function encodeCbor(value: CborValue): Uint8Array {
  if (typeof value === 'number') return encodeInteger(value);
  if (typeof value === 'string') return encodeText(value);
  if (typeof value === 'boolean') return head(CBOR.simple, value ? CBOR_SIMPLE.true : CBOR_SIMPLE.false);
  if (value === null) return head(CBOR.simple, CBOR_SIMPLE.null);
  if (value instanceof Uint8Array) return concat(head(CBOR.bytes, value.length), value);
  return isMap(value) ? encodeMap(value) : concat(head(CBOR.array, value.length), ...value.map(encodeCbor));
}

/** A map with text keys, as most of our formats use it; undefined fields are left out. */
export function cborMap(fields: Readonly<Record<string, CborValue | undefined>>): ReadonlyMap<CborKey, CborValue> {
  const map = new Map<CborKey, CborValue>();
  for (const [key, value] of Object.entries(fields)) if (value !== undefined) map.set(key, value);
  return map;
}

function isMap(
  value: readonly CborValue[] | ReadonlyMap<CborKey, CborValue>,
): value is ReadonlyMap<CborKey, CborValue> {
  return value instanceof Map;
}

function encodeInteger(value: number): Uint8Array {
  if (!Number.isSafeInteger(value)) throw new RangeError(`cbor: ${value} is no safe integer`);
  return value >= 0 ? head(CBOR.uint, value) : head(CBOR.negative, -1 - value);
}

function encodeText(value: string): Uint8Array {
  if (!value.isWellFormed()) throw new RangeError('cbor: text with a lone surrogate');
  const bytes = utf8(value);
  return concat(head(CBOR.text, bytes.length), bytes);
}

function encodeMap(map: ReadonlyMap<CborKey, CborValue>): Uint8Array {
  const entries = [...map].map(([key, value]) => ({ key: encodeCbor(key), value: encodeCbor(value) }));
  entries.sort((a, b) => compareBytes(a.key, b.key));
  return concat(head(CBOR.map, map.size), ...entries.flatMap(({ key, value }) => [key, value]));
}

function head(major: number, argument: number): Uint8Array {
  const first = major << 5;
  if (argument < 24) return Uint8Array.of(first | argument);
  if (argument < 0x100) return Uint8Array.of(first | 24, argument);
  if (argument < 0x1_0000) return Uint8Array.of(first | 25, argument >>> 8, argument);
  const out = new Uint8Array(argument <= 0xffff_ffff ? 5 : 9);
  const view = new DataView(out.buffer);
  out[0] = first | (out.length === 5 ? 26 : 27);
  if (out.length === 9) view.setUint32(1, Math.floor(argument / 2 ** 32));
  view.setUint32(out.length - 4, argument % 2 ** 32);
  return out;
}
