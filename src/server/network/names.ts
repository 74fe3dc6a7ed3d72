import { GscipError } from '../../base/errors.ts';

const NODE_NAME = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;
const ACCOUNT_NAME = /^[\p{L}\p{N}][\p{L}\p{N}._@+-]{0,62}$/u;
const FREE_NAME = /^[\p{L}\p{N}][\p{L}\p{N}._ -]{0,62}$/u;

/** A node's name, which is also its host name in the overlay (RFC 1123, lower case). */
export function nodeName(text: string): string {
  if (NODE_NAME.test(text)) return text;
  throw new GscipError(
    'usage',
    `"${text}" cannot be a node's name`,
    'Use at most 63 lower-case letters, digits and hyphens, like web-1.',
  );
}

/** What a machine calls itself, made into a node's name: "Anna's Laptop.local" gives "anna-s-laptop". */
export function fittingNodeName(text: string): string {
  const [host = ''] = text.normalize('NFKD').toLowerCase().split('.');
  const plain = host
    .replace(/\p{M}/gu, '')
    .replace(/[^a-z0-9]+/g, '-')
    .slice(0, 63)
    .replace(/^-+|-+$/g, '');
  return plain === '' ? 'node' : plain;
}

/** A user's or administrator's name, which may be a mail address. */
export function accountName(kind: 'user' | 'administrator', text: string): string {
  const name = text.normalize('NFC').trim();
  if (ACCOUNT_NAME.test(name)) return name;
  throw new GscipError(
    'usage',
    `"${text}" cannot be the name of ${kind === 'user' ? 'a user' : 'an administrator'}`,
    'Use at most 63 letters, digits and . _ @ + - with a letter or digit first.',
  );
}

/** A network's or group's name in the one form that is hashed into its keys: NFC (protocol.md 9.1). */
export function freeName(kind: 'network' | 'group', text: string): string {
  const name = text.normalize('NFC').trim();
  if (FREE_NAME.test(name)) return name;
  throw new GscipError(
    'usage',
    `"${text}" cannot be a ${kind}'s name`,
    'Use at most 63 letters, digits, spaces, dots, hyphens and underscores, with a letter or digit first.',
  );
}
