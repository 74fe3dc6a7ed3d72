import { concat, fromHex, toHex, utf8 } from '../base/bytes.ts';
import { parseAddress } from '../base/ip-address.ts';

/*
 * What a person carries from an administrator to a new machine (protocol.md 11):
 *
 *   gsj1.<80 letters>@host:port[,host:port…]
 *
 * The letters are base64url of 60 bytes: 0 fingerprint of the account server's key 16 · 16 id 8 · 24 secret 32 ·
 * 56 checksum 4. The checksum stands for the 56 bytes before it, and not for the addresses: these only say where to
 * ask, and whoever answers there must own the key that the fingerprint names.
 */

export interface JoinToken {
  /** 16 bytes: the beginning of the hash over the account server's key */
  readonly fingerprint: Uint8Array;
  /** 16 hex digits */
  readonly id: string;
  /** 32 bytes: a secret */
  readonly secret: Uint8Array;
  /** "host:port", to be tried in this order; IPv6 in brackets */
  readonly servers: readonly string[];
}

/** 'prefix': no join token at all. 'newer': of a later kind than this release reads. 'server': one of the addresses is none. */
export type JoinTokenFault = 'prefix' | 'newer' | 'too-short' | 'too-long' | 'letter' | 'checksum' | 'server';

/** The part of a CryptoProvider that is needed here. */
export interface Hasher {
  sha256(data: Uint8Array): Uint8Array;
}

export const JOIN_TOKEN = { fingerprint: 16, id: 8, secret: 32, checksum: 4, servers: 8 } as const;
const PREFIX = 'gsj1.';
const LATER = /^gsj([2-9]|[1-9]\d{1,3})\./;
const LABEL = 'gscip1 join sum';
const BODY = JOIN_TOKEN.fingerprint + JOIN_TOKEN.id + JOIN_TOKEN.secret;
/** 60 bytes need no padding, and no bit of the last letter is left over. */
const LETTERS = ((BODY + JOIN_TOKEN.checksum) * 4) / 3;
const NAME = /^(?=.{1,253}$)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$/;

/** The text of a token. Throws RangeError on lengths, ids and addresses that no decoder takes. */
export function encodeJoinToken(hasher: Hasher, token: JoinToken): string {
  const body = concat(token.fingerprint, fromHex(token.id), token.secret);
  const text = `${PREFIX}${toBase64Url(concat(body, checksum(hasher, body)))}@${token.servers.join(',')}`;
  const decoded = decodeJoinToken(hasher, text);
  if (typeof decoded === 'string') throw new RangeError(`join token: ${decoded}`);
  if (decoded.id !== token.id) throw new RangeError('join token: an id is 16 lower-case hex digits');
  return text;
}

/** Reads a token as a person pasted it: space around it and broken lines inside it do not count. */
export function decodeJoinToken(hasher: Hasher, text: string): JoinToken | JoinTokenFault {
  const typed = text.replace(/\s+/g, '');
  if (!typed.startsWith(PREFIX)) return LATER.test(typed) ? 'newer' : 'prefix';
  const at = typed.indexOf('@');
  const letters = typed.slice(PREFIX.length, at < 0 ? undefined : at);
  if (letters.length !== LETTERS) return letters.length < LETTERS ? 'too-short' : 'too-long';
  if (!/^[A-Za-z0-9_-]+$/.test(letters)) return 'letter';
  const bytes = fromBase64Url(letters);
  const body = bytes.subarray(0, BODY);
  if (toHex(checksum(hasher, body)) !== toHex(bytes.subarray(BODY))) return 'checksum';
  const servers = at < 0 ? [] : typed.slice(at + 1).split(',');
  const known = servers.filter(isServerAddress);
  if (known.length !== servers.length || known.length === 0 || known.length > JOIN_TOKEN.servers) return 'server';
  const secretAt = JOIN_TOKEN.fingerprint + JOIN_TOKEN.id;
  return {
    fingerprint: body.slice(0, JOIN_TOKEN.fingerprint),
    id: toHex(body.subarray(JOIN_TOKEN.fingerprint, secretAt)),
    secret: body.slice(secretAt),
    servers: known,
  };
}

/** Whether a text names a host (a name, an IPv4 address, or an IPv6 address in brackets) and a port other than 0. */
export function isServerAddress(text: string): boolean {
  const match = /^(?:\[([^\]]+)\]|([^:[\]]+)):([1-9]\d{0,4})$/.exec(text);
  if (match === null) return false;
  const [, six, host = '', port] = match;
  if (Number(port) > 0xffff) return false;
  if (six !== undefined) return parseAddress(six)?.length === 16;
  // a name of digits and dots is an IPv4 address or a mistake
  return /^[\d.]+$/.test(host) ? parseAddress(host)?.length === 4 : NAME.test(host.toLowerCase());
}

function checksum(hasher: Hasher, body: Uint8Array): Uint8Array {
  return hasher.sha256(concat(utf8(LABEL), body)).subarray(0, JOIN_TOKEN.checksum);
}

export function toBase64Url(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes))
    .replaceAll('+', '-')
    .replaceAll('/', '_');
}

export function fromBase64Url(letters: string): Uint8Array {
  const binary = atob(letters.replaceAll('-', '+').replaceAll('_', '/'));
  return Uint8Array.from(binary, (letter) => letter.charCodeAt(0));
}
