import type { CaPart } from '../../crypto/credential.ts';
import { verifyCredential } from '../../crypto/credential.ts';
import type { Identity } from '../../crypto/identity.ts';
import type { CryptoProvider } from '../../crypto/provider.ts';
import { EphemeralSource, type Hedge } from '../../dprp/ephemeral.ts';
import type { Proved } from '../../nat/element-session.ts';
import type { NodeState } from '../node-state.ts';

/** What the parts of this folder compute with. */
export interface ElementMeans {
  readonly node: NodeState;
  readonly provider: CryptoProvider;
  readonly ephemerals: EphemeralSource;
}

/** Ephemeral keys of this folder come from a hedge of their own, so that none is one of the node's handshakes'. */
export function elementMeans(node: NodeState, provider: CryptoProvider, hedge: Hedge): ElementMeans {
  const own = { ...hedge, key: provider.sha256(hedge.key) };
  return { node, provider, ephemerals: new EphemeralSource(provider, (length) => node.random(length), own) };
}

/** The certificate behind a key that was proved; undefined where it does not hold. */
export function provedBy({ node, provider }: ElementMeans, { credential, remoteStatic }: Proved): CaPart | undefined {
  const { keys } = node;
  const verified = verifyCredential(provider, credential, remoteStatic, keys.authorities(), keys.unixNow());
  return typeof verified === 'string' ? undefined : verified.caPart;
}

/** This node's half of a handshake. */
export function ownHalf({ xPublic, xSecret, credential }: Identity) {
  return { static: { publicKey: xPublic, secretKey: xSecret }, credential };
}

/** A number that is not 0. */
export function randomWord({ random }: NodeState): number {
  return new DataView(random(4).buffer).getUint32(0) || 1;
}
