import type { NodeId } from '../../base/brands.ts';
import { concat, fromHex, utf8 } from '../../base/bytes.ts';
import type { CryptoProvider } from '../../crypto/provider.ts';

const SECRET_LABEL = 'gscip1 relay secret';
const NODE_LABEL = 'gscip1 relay node';

/** What coordinator and relays of a network share: it follows from the network's own secret and outlives restarts. */
export function relaySecret(provider: CryptoProvider, networkSecret: Uint8Array): Uint8Array {
  return provider.hkdfExpand(provider.hkdfExtract(utf8(SECRET_LABEL), networkSecret), utf8(SECRET_LABEL), 32);
}

/** The key that admits a node to the relays: its coordinator tells it, the relay works it out (protocol.md 7). */
export function relayKeyOf(provider: CryptoProvider, secret: Uint8Array, node: NodeId): Uint8Array {
  return provider.hmac(secret, concat(utf8(NODE_LABEL), fromHex(node)));
}
