import { formatPath, type PathAddress, type PathParts, parsePath, relayPath } from '../base/path-address.ts';
import { MESSAGE } from '../base/primitives.ts';

/** Paths remembered of each kind; a flood of sources costs no more than making them anew. */
const MOST = 4_096;

const parts = new Map<PathAddress, PathParts>();
const spelled = new Map<number, PathAddress>();

/** `parsePath` for paths that come again and again. */
export function knownPath(path: PathAddress): PathParts {
  const known = parts.get(path);
  if (known) return known;
  const parsed = parsePath(path);
  if (parts.size >= MOST) parts.clear();
  parts.set(path, parsed);
  return parsed;
}

/** Where the message in row `at` of a MESSAGE table came from, and by which channel of a relay. */
export function sourceOf(messages: Int32Array, at: number): PathAddress {
  const sender = senderOf(messages, at);
  const channel = messages[at + MESSAGE.channel];
  return channel === 0 ? sender : relayPath(sender, channel >>> 0);
}

function senderOf(messages: Int32Array, at: number): PathAddress {
  const port = messages[at + MESSAGE.port];
  if (messages[at + MESSAGE.family] !== 4) return formatPath(6, addressOf(messages, at, 16), port);
  const key = (messages[at + MESSAGE.address] >>> 0) * 65_536 + port;
  const known = spelled.get(key);
  if (known !== undefined) return known;
  const path = formatPath(4, addressOf(messages, at, 4), port);
  if (spelled.size >= MOST) spelled.clear();
  spelled.set(key, path);
  return path;
}

function addressOf(messages: Int32Array, at: number, length: 4 | 16): Uint8Array {
  const words = messages.slice(at + MESSAGE.address, at + MESSAGE.address + 4);
  return new Uint8Array(words.buffer, 0, length);
}
