import { GscipError } from '../../base/errors.ts';

const NODE_NAME = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;
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
