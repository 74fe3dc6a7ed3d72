/** Joins byte strings. */
export function concat(...parts: readonly Uint8Array[]): Uint8Array {
  let length = 0;
  for (const part of parts) length += part.length;
  const out = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

const encoder = new TextEncoder();

/** UTF-8 bytes of a label or a name. */
export function utf8(text: string): Uint8Array {
  return encoder.encode(text);
}

/** Lower-case hex digits, in one piece: put together from parts, a string that is kept as a key would keep all of them alive. */
export function toHex(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('hex');
}

/** Bytes of an even-length lower- or upper-case hex string; throws RangeError on anything else. */
export function fromHex(hex: string): Uint8Array {
  if (hex.length % 2 !== 0 || !/^[0-9a-fA-F]*$/.test(hex)) throw new RangeError('not a hex string');
  const out = new Uint8Array(hex.length / 2);
  for (let i = 0; i < out.length; i++) out[i] = (digit(hex, 2 * i) << 4) | digit(hex, 2 * i + 1);
  return out;
}

/** The value of a character that is known to be a hex digit: letters have 0x40 set and count from 1. */
function digit(hex: string, at: number): number {
  const code = hex.charCodeAt(at);
  return (code & 0x0f) + (code >> 6) * 9;
}

/** Compares two byte strings in time that depends on their lengths only. */
export function equalConstantTime(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  let difference = 0;
  for (let i = 0; i < a.length; i++) difference |= a[i] ^ b[i];
  return difference === 0;
}

/** Bytewise order, as group ids are sorted by (protocol.md 3.5): negative, zero or positive. */
export function compareBytes(a: Uint8Array, b: Uint8Array): number {
  const shared = Math.min(a.length, b.length);
  for (let i = 0; i < shared; i++) if (a[i] !== b[i]) return a[i] - b[i];
  return a.length - b.length;
}

/** Overwrites key material. Best effort: JavaScript may hold copies. */
export function wipe(...buffers: readonly Uint8Array[]): void {
  for (const buffer of buffers) buffer.fill(0);
}

export function isZero(bytes: Uint8Array, from = 0, to = bytes.length): boolean {
  let seen = 0;
  for (let i = from; i < to; i++) seen |= bytes[i];
  return seen === 0;
}
