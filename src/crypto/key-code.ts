import { concat, utf8 } from '../base/bytes.ts';
import { CRYPTO_LABEL } from './labels.ts';
import { type CryptoProvider, requireLength } from './provider.ts';

/*
 * A group key for entry by hand: 128 random bits and 22 bits of their hash, 30 letters of Crockford's base 32.
 *
 *   gsk1-7K3QD-0M5XW-8ZP2R-V4JTN-C6B1H-YG9SF
 */

export const KEY_CODE_SECRET = 16;
const PREFIX = 'gsk1';
const LETTERS = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
const LENGTH = 30;
const GROUP = 5;

/** 'too-short' is also what a password of a person's own choice is. */
export type KeyCodeFault = 'too-short' | 'too-long' | 'letter' | 'checksum';

/** The code that stands for 16 random bytes. */
export function encodeKeyCode(provider: CryptoProvider, secret: Uint8Array): string {
  requireLength(secret, KEY_CODE_SECRET, 'secret of a key code');
  const bits = [...concat(secret, checksum(provider, secret))]
    .map((byte) => byte.toString(2).padStart(8, '0'))
    .join('');
  const letters = Array.from({ length: LENGTH }, (_, i) => LETTERS[Number.parseInt(bits.slice(5 * i, 5 * i + 5), 2)]);
  const groups = Array.from({ length: LENGTH / GROUP }, (_, i) => letters.slice(GROUP * i, GROUP * (i + 1)).join(''));
  return [PREFIX, ...groups].join('-');
}

/** The 16 bytes of a code as a person typed it: case, spaces and hyphens do not count, O is read as 0, I and L as 1. */
export function decodeKeyCode(provider: CryptoProvider, text: string): Uint8Array | KeyCodeFault {
  const typed = text.toUpperCase().replace(/[\s-]/g, '');
  const body = typed.startsWith(PREFIX.toUpperCase()) ? typed.slice(PREFIX.length) : typed;
  if (body.length !== LENGTH) return body.length < LENGTH ? 'too-short' : 'too-long';
  const letters = body.replaceAll('O', '0').replace(/[IL]/g, '1');
  if ([...letters].some((letter) => !LETTERS.includes(letter))) return 'letter';
  const bits = [...letters].map((letter) => LETTERS.indexOf(letter).toString(2).padStart(5, '0')).join('');
  const secret = Uint8Array.from({ length: KEY_CODE_SECRET }, (_, i) =>
    Number.parseInt(bits.slice(8 * i, 8 * i + 8), 2),
  );
  const right = encodeKeyCode(provider, secret).replaceAll('-', '').slice(PREFIX.length);
  return letters === right ? secret : 'checksum';
}

/** Three bytes, of which the code has room for 22 bits. */
function checksum(provider: CryptoProvider, secret: Uint8Array): Uint8Array {
  return provider.sha256(concat(utf8(CRYPTO_LABEL.codeSum), secret)).subarray(0, 3);
}
