import { compareBytes } from './bytes.ts';
import { CBOR, CBOR_SIMPLE, type CborKey, type CborValue } from './cbor.ts';

/** Why bytes were refused; nothing throws. */
export type CborFault =
  | 'cbor-too-long'
  | 'cbor-short'
  | 'cbor-trailing'
  | 'cbor-depth'
  | 'cbor-not-canonical'
  | 'cbor-unsupported'
  | 'cbor-text';

export interface CborLimits {
  readonly bytes: number;
  readonly depth: number;
}

/** A decoded value, wrapped so that a text is no fault name. */
export interface CborDecoded {
  readonly value: CborValue;
}

const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * Reads what `encodeCbor` writes and refuses every other encoding of it: longer heads, unsorted or repeated keys, tags,
 * floats, indefinite lengths, trailing bytes. So one value has one byte string, and no input makes it allocate more than
 * it holds itself. Byte strings are copies.
 */
export function decodeCbor(bytes: Uint8Array, limits: CborLimits): CborDecoded | CborFault {
  if (bytes.length > limits.bytes) return 'cbor-too-long';
  const reader = new CborReader(bytes);
  const value = reader.item(limits.depth);
  if (reader.fault !== undefined) return reader.fault;
  return reader.atEnd ? { value } : 'cbor-trailing';
}

/** Keeps the first fault and returns null from there on, so that a hostile input ends without a throw. */
class CborReader {
  readonly #bytes: Uint8Array;
  #at = 0;
  #fault: CborFault | undefined;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get fault(): CborFault | undefined {
    return this.#fault;
  }

  get atEnd(): boolean {
    return this.#at === this.#bytes.length;
  }

  item(depth: number): CborValue {
    if (depth < 0) return this.#fail('cbor-depth');
    if (this.atEnd) return this.#fail('cbor-short');
    const first = this.#bytes[this.#at++];
    const major = first >> 5;
    if (major === CBOR.simple) return this.#simple(first & 31);
    const argument = this.#argument(first & 31);
    if (this.#fault !== undefined) return null;
    switch (major) {
      case CBOR.uint:
        return argument;
      case CBOR.negative:
        return argument === Number.MAX_SAFE_INTEGER ? this.#fail('cbor-unsupported') : -1 - argument;
      case CBOR.bytes:
        return this.#take(argument)?.slice() ?? null;
      case CBOR.text:
        return this.#text(argument);
      case CBOR.array:
        return this.#array(argument, depth);
      case CBOR.map:
        return this.#map(argument, depth);
      default:
        return this.#fail('cbor-unsupported');
    }
  }

  #simple(value: number): CborValue {
    if (value === CBOR_SIMPLE.null) return null;
    if (value === CBOR_SIMPLE.true || value === CBOR_SIMPLE.false) return value === CBOR_SIMPLE.true;
    return this.#fail('cbor-unsupported');
  }

  /** The number in the head, which must not have fitted a shorter one. */
  #argument(low: number): number {
    if (low < 24) return low;
    if (low > 27) return this.#fail('cbor-unsupported') ?? 0;
    const raw = this.#take(1 << (low - 24));
    if (raw === undefined) return 0;
    let value = 0;
    for (const byte of raw) value = value * 256 + byte;
    if (!Number.isSafeInteger(value)) this.#fail('cbor-unsupported');
    else if (value < SHORTEST[low - 24]) this.#fail('cbor-not-canonical');
    return value;
  }

  #text(length: number): CborValue {
    const raw = this.#take(length);
    if (raw === undefined) return null;
    try {
      return text.decode(raw);
    } catch {
      return this.#fail('cbor-text');
    }
  }

  #array(count: number, depth: number): CborValue {
    const out: CborValue[] = [];
    for (let i = 0; i < count && this.#fault === undefined; i++) out.push(this.item(depth - 1));
    return out;
  }

  #map(count: number, depth: number): CborValue {
    const out = new Map<CborKey, CborValue>();
    let previous: Uint8Array = new Uint8Array(0);
    for (let i = 0; i < count && this.#fault === undefined; i++) {
      const start = this.#at;
      const key = this.item(0);
      if (typeof key !== 'number' && typeof key !== 'string') return this.#fail('cbor-unsupported');
      const encoded = this.#bytes.subarray(start, this.#at);
      if (i > 0 && compareBytes(previous, encoded) >= 0) return this.#fail('cbor-not-canonical');
      previous = encoded;
      out.set(key, this.item(depth - 1));
    }
    return out;
  }

  #take(length: number): Uint8Array | undefined {
    if (length > this.#bytes.length - this.#at) {
      this.#fail('cbor-short');
      return undefined;
    }
    const taken = new Uint8Array(this.#bytes.buffer, this.#bytes.byteOffset + this.#at, length);
    this.#at += length;
    return taken;
  }

  #fail(fault: CborFault): null {
    this.#fault ??= fault;
    return null;
  }
}

/** The smallest number that needs a head of 1, 2, 4 or 8 bytes. */
const SHORTEST = [24, 0x100, 0x1_0000, 0x1_0000_0000] as const;
