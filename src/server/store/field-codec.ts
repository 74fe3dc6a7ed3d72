import { formatAddress, padAddress, parseAddress } from '../../base/ip-address.ts';
import type { AddressPrefix } from '../../crypto/address-prefix.ts';
import type { Place, Sealer } from './sealer.ts';
import type { JsonValue } from './store.ts';

/** One field of a row on its way into JSON and back. `decode` throws RangeError on what `encode` did not write. */
export interface FieldCodec<T> {
  encode(value: T, sealer: Sealer, place: Place): JsonValue | undefined;
  decode(value: JsonValue | undefined, sealer: Sealer, place: Place): T;
}

export const TEXT: FieldCodec<string> = {
  encode: (value) => value,
  decode: (value) => (typeof value === 'string' ? value : wrong('no text')),
};

export const FLAG: FieldCodec<boolean> = {
  encode: (value) => value,
  decode: (value) => (typeof value === 'boolean' ? value : wrong('neither true nor false')),
};

/** A safe integer from 0, made into its brand. */
export function whole<T extends number>(make: (value: number) => T): FieldCodec<T> {
  return {
    encode: (value) => value,
    decode: (value) => make(Number.isSafeInteger(value) && Number(value) >= 0 ? Number(value) : wrong('no number')),
  };
}

/** A text with a maker that throws RangeError on what is not one. */
export function branded<T extends string>(make: (text: string) => T): FieldCodec<T> {
  return { encode: (value) => value, decode: (value, ...where) => make(TEXT.decode(value, ...where)) };
}

export function oneOf<T extends string>(...choices: readonly T[]): FieldCodec<T> {
  return {
    encode: (value) => value,
    decode: (value) => choices.find((each) => each === value) ?? wrong(`none of ${choices.join(', ')}`),
  };
}

/** Public bytes, as base64url; of exactly `length` when that is given. */
export function bytes(length?: number): FieldCodec<Uint8Array> {
  return {
    encode: (value) => toText(value),
    decode: (value) => {
      const read = fromText(value);
      return length === undefined || read.length === length ? read : wrong(`not ${length} bytes`);
    },
  };
}

/** Secret bytes, sealed for their place. */
export function secret(length: number): FieldCodec<Uint8Array> {
  return {
    encode: (value, sealer, place) => ({ sealed: toText(sealer.seal(place, value)) }),
    decode: (value, sealer, place) => {
      const opened = sealer.open(place, fromText(isObject(value) ? value['sealed'] : undefined));
      if (opened === null) return wrong('sealed with another key, changed, or moved here from another row');
      return opened.length === length ? opened : wrong(`not ${length} bytes`);
    },
  };
}

/** An address range as it is written: "10.1.0.0/16". */
export const PREFIX: FieldCodec<AddressPrefix> = {
  encode: ({ family, address, length }) => `${formatAddress(family === 4 ? address.subarray(12) : address)}/${length}`,
  decode: (value) => {
    const [address, length] = typeof value === 'string' ? value.split('/') : [];
    const parsed = parseAddress(address ?? '');
    if (parsed === null || !/^\d{1,3}$/.test(length ?? '')) return wrong('no address range');
    const family = parsed.length === 4 ? 4 : 6;
    return { family, address: padAddress(parsed), length: Number(length) };
  },
};

export function listOf<T>(element: FieldCodec<T>): FieldCodec<readonly T[]> {
  return {
    encode: (value, ...where) => value.flatMap((each) => element.encode(each, ...where) ?? []),
    decode: (value, ...where) =>
      Array.isArray(value) ? value.map((each: JsonValue) => element.decode(each, ...where)) : wrong('no list'),
  };
}

export function optional<T>(field: FieldCodec<T>): FieldCodec<T | undefined> {
  return {
    encode: (value, ...where) => (value === undefined ? undefined : field.encode(value, ...where)),
    decode: (value, ...where) => (value === undefined ? undefined : field.decode(value, ...where)),
  };
}

export function isObject(value: JsonValue | undefined): value is { readonly [key: string]: JsonValue } {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function toText(value: Uint8Array): string {
  return Buffer.from(value.buffer, value.byteOffset, value.length).toString('base64url');
}

function fromText(value: JsonValue | undefined): Uint8Array {
  if (typeof value !== 'string' || !/^[A-Za-z0-9_-]*$/.test(value)) return wrong('no bytes');
  return Uint8Array.from(Buffer.from(value, 'base64url'));
}

function wrong(what: string): never {
  throw new RangeError(what);
}
