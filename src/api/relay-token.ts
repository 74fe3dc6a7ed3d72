import { concat, fromHex, toHex, utf8 } from '../base/bytes.ts';
import { fromBase64Url, type Hasher, isServerAddress, JOIN_TOKEN, toBase64Url } from './join-token.ts';

/*
 * What an administrator carries to the machine of a relay that runs apart (protocol.md 7.1):
 *
 *   gsr1.<letters>@host:port[,host:port…]
 *
 * The letters are base64url of 44 bytes: 0 id 8 · 8 secret 32 · 40 checksum 4. The addresses say where the servers of the network are; whoever
 * answers there has to know the secret.
 */

export interface RelayToken {
  /** 16 hex digits */
  readonly id: string;
  /** 32 bytes: a secret */
  readonly secret: Uint8Array;
  /** "host:port"; the relay connects to every one of them */
  readonly servers: readonly string[];
}

export type RelayTokenFault = 'prefix' | 'length' | 'checksum' | 'server';

const PREFIX = 'gsr1.';
const LABEL = 'gscip1 relay sum';
const [ID, SECRET, SUM] = [8, 32, 4];
const BODY = ID + SECRET;

/** The text of a token. Throws RangeError on what no decoder takes. */
export function encodeRelayToken(hasher: Hasher, { id, secret, servers }: RelayToken): string {
  const body = concat(fromHex(id), secret);
  const letters = toBase64Url(concat(body, checksum(hasher, body))).replace(/=+$/, '');
  const text = `${PREFIX}${letters}@${servers.join(',')}`;
  const decoded = decodeRelayToken(hasher, text);
  if (typeof decoded === 'string') throw new RangeError(`relay token: ${decoded}`);
  return text;
}

/** Reads a token as a person pasted it: space around it and broken lines inside it do not count. */
export function decodeRelayToken(hasher: Hasher, text: string): RelayToken | RelayTokenFault {
  const typed = text.replace(/\s+/g, '');
  if (!typed.startsWith(PREFIX)) return 'prefix';
  const [letters = '', addresses = ''] = typed.slice(PREFIX.length).split('@');
  if (!/^[A-Za-z0-9_-]{59}$/.test(letters)) return 'length';
  const bytes = fromBase64Url(letters);
  const body = bytes.subarray(0, BODY);
  if (bytes.length !== BODY + SUM || toHex(checksum(hasher, body)) !== toHex(bytes.subarray(BODY))) return 'checksum';
  const servers = addresses.split(',');
  if (servers.length > JOIN_TOKEN.servers || !servers.every(isServerAddress)) return 'server';
  return { id: toHex(body.subarray(0, ID)), secret: body.slice(ID), servers };
}

function checksum(hasher: Hasher, body: Uint8Array): Uint8Array {
  return hasher.sha256(concat(utf8(LABEL), body)).subarray(0, SUM);
}
