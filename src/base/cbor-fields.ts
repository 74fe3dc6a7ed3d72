import type { CborKey, CborValue } from './cbor.ts';

/** Narrows a decoded value to a list, or undefined. */
export function asList(value: CborValue | undefined): readonly CborValue[] | undefined {
  return Array.isArray(value) ? value : undefined;
}

/** A whole number from 0 to `most`. */
export function asUint(value: CborValue | undefined, most = 0xffff_ffff): number | undefined {
  return typeof value === 'number' && value >= 0 && value <= most ? value : undefined;
}

/** A byte string, of exactly `length` bytes when that is given. */
export function asBytes(value: CborValue | undefined, length?: number): Uint8Array | undefined {
  return value instanceof Uint8Array && (length === undefined || value.length === length) ? value : undefined;
}

/** A text of 1 to `most` UTF-16 units. */
export function asText(value: CborValue | undefined, most = 255): string | undefined {
  return typeof value === 'string' && value.length > 0 && value.length <= most ? value : undefined;
}

export function asMap(value: CborValue | undefined): ReadonlyMap<CborKey, CborValue> | undefined {
  return value instanceof Map ? value : undefined;
}

/** Every element parsed, or undefined when one of them is not what `parse` takes or there are more than `most`. */
export function asListOf<T>(
  value: CborValue | undefined,
  parse: (element: CborValue) => T | undefined,
  most = 65_535,
): readonly T[] | undefined {
  const list = asList(value);
  if (list === undefined || list.length > most) return undefined;
  const out: T[] = [];
  for (const element of list) {
    const parsed = parse(element);
    if (parsed === undefined) return undefined;
    out.push(parsed);
  }
  return out;
}
