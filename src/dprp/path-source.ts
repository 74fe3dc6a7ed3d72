import { concat, toHex, utf8 } from '../base/bytes.ts';
import { type PathAddress, parsePath } from '../base/path-address.ts';

const RELAY = 'relay:';

/** Whether a datagram came through a relay, where many senders share one address (protocol.md H7). */
export function isRelayed(path: PathAddress): boolean {
  return path.startsWith(RELAY);
}

/** What a rate limit counts: the IPv4 address, the IPv6 /64, or the relay channel (protocol.md 2.5). */
export function sourceName(path: PathAddress): string {
  if (isRelayed(path)) return path;
  const { family, address } = parsePath(path);
  return toHex(family === 4 ? address : address.subarray(0, 8));
}

/** What a cookie is bound to: ip ‖ port, or relay id ‖ channel (protocol.md 2.5). */
export function cookieSource(path: PathAddress): Uint8Array {
  if (isRelayed(path)) return utf8(path);
  const { address, port } = parsePath(path);
  return concat(address, Uint8Array.of(port >> 8, port & 0xff));
}
