import { concat, utf8 } from '../base/bytes.ts';
import type { CryptoProvider } from '../crypto/provider.ts';
import { LABEL, SIZE } from './constants.ts';
import { type Cookie, encodeCookie } from './cookie.ts';
import type { Dde } from './dde.ts';
import type { DprpFault } from './fault.ts';
import { plainHeader } from './header.ts';
import { decodeNogroupBox, encodeNogroup, encodeNogroupBox, type Nogroup, type NogroupBox } from './nogroup.ts';
import { decodeStaleBox, encodeStale, encodeStaleBox, type Stale, type StaleBox } from './stale.ts';

/*
 * The answers to a DDE that carry no handshake: COOKIE, STALE, NOGROUP (protocol.md 2.2). Each is sealed under a key that
 * depends on e_I, except COOKIE, whose AAD is the DDE's own tag. The AAD of the two others is their header and, in
 * STALE, sel: what names the key and the negotiation cannot be changed.
 */

const SEL_END = 16;

type Random = (length: number) => Uint8Array;

export function sealCookie(
  provider: CryptoProvider,
  random: Random,
  dde: Dde,
  kTag: Uint8Array,
  cookie: Uint8Array,
): Uint8Array {
  const nonce = random(24);
  const box = provider.xchachaSeal(cookieKey(provider, kTag), nonce, boxTag(dde.box), cookie);
  return encodeCookie({ header: plainHeader(0, dde.header.sender), nonce, box });
}

/** The 16-byte cookie; null when it does not answer the DDE with this box, or was not made by a member of D. */
export function openCookie(
  provider: CryptoProvider,
  message: Cookie,
  ddeBox: Uint8Array,
  kTag: Uint8Array,
): Uint8Array | null {
  return provider.xchachaOpen(cookieKey(provider, kTag), message.nonce, boxTag(ddeBox), message.box);
}

export function sealStale(
  provider: CryptoProvider,
  random: Random,
  dde: Dde,
  slot: number | 'domain',
  kStale: Uint8Array,
  hint: StaleBox,
): Uint8Array {
  const nonce = random(12);
  const header = plainHeader(0, dde.header.sender);
  const head = encodeStale({ header, slot, nonce, box: new Uint8Array(36) }).subarray(0, SEL_END);
  const key = hintKey(provider, kStale, LABEL.stale, dde.ephemeral);
  return encodeStale({ header, slot, nonce, box: provider.chachaSeal(key, nonce, head, encodeStaleBox(hint)) });
}

/** bytes: the whole message, for its head. */
export function openStale(
  provider: CryptoProvider,
  bytes: Uint8Array,
  message: Stale,
  kStale: Uint8Array,
  ephemeral: Uint8Array,
): StaleBox | DprpFault | 'auth' {
  const key = hintKey(provider, kStale, LABEL.stale, ephemeral);
  const plaintext = provider.chachaOpen(key, message.nonce, bytes.subarray(0, SEL_END), message.box);
  return plaintext === null ? 'auth' : decodeStaleBox(plaintext);
}

export function sealNogroup(
  provider: CryptoProvider,
  random: Random,
  dde: Dde,
  kDde: Uint8Array,
  own: NogroupBox,
): Uint8Array {
  const nonce = random(12);
  const header = plainHeader(0, dde.header.sender);
  const head = encodeNogroup({ header, nonce, box: new Uint8Array(32) }).subarray(0, SIZE.header);
  const key = hintKey(provider, kDde, LABEL.nogroup, dde.ephemeral);
  return encodeNogroup({ header, nonce, box: provider.chachaSeal(key, nonce, head, encodeNogroupBox(own)) });
}

export function openNogroup(
  provider: CryptoProvider,
  bytes: Uint8Array,
  message: Nogroup,
  kDde: Uint8Array,
  ephemeral: Uint8Array,
): NogroupBox | DprpFault | 'auth' {
  const key = hintKey(provider, kDde, LABEL.nogroup, ephemeral);
  const plaintext = provider.chachaOpen(key, message.nonce, bytes.subarray(0, SIZE.header), message.box);
  return plaintext === null ? 'auth' : decodeNogroupBox(plaintext);
}

function cookieKey(provider: CryptoProvider, kTag: Uint8Array): Uint8Array {
  return provider.hkdfExpand(kTag, utf8(LABEL.cookie), 32);
}

function hintKey(provider: CryptoProvider, key: Uint8Array, label: string, ephemeral: Uint8Array): Uint8Array {
  return provider.hkdfExpand(key, concat(utf8(label), ephemeral), 32);
}

function boxTag(box: Uint8Array): Uint8Array {
  return box.subarray(box.length - 16);
}
