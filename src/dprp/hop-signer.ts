import type { NodeId, UnixSeconds } from '../base/brands.ts';
import type { CaPartMemory } from '../crypto/ca-part-memory.ts';
import type { CaPart, CaVerifyFault } from '../crypto/credential.ts';
import type { HopSigner } from './hop-record.ts';
import { certifiedKind } from './peer-statement.ts';

/** What is needed to tell who signed a hop box. */
export interface SignerDeps {
  readonly caParts: CaPartMemory;
  /** the CA's Ed25519 keys that this node accepts */
  authorities(): readonly Uint8Array[];
  unixNow(): UnixSeconds;
  /** the 200 bytes of a CA part that this node has seen or fetched; whether they count is asked again here */
  caPartOf(node: NodeId): Uint8Array | undefined;
}

export type SignerFault = CaVerifyFault | 'unknown-signer';

/**
 * The verified certificate of who signed a hop box: by value from the box itself, by reference from those at hand
 * (protocol.md 2.3). 'unknown-signer': it must be fetched before the box counts.
 */
export function resolveSigner(deps: SignerDeps, signer: HopSigner): CaPart | SignerFault {
  const bytes = signer.form === 'value' ? signer.caPart : deps.caPartOf(signer.node);
  if (bytes === undefined) return 'unknown-signer';
  const part = deps.caParts.verify(bytes, deps.authorities(), deps.unixNow());
  if (typeof part === 'string') return part;
  if (signer.form === 'reference' && part.nodeId !== signer.node) return 'unknown-signer';
  return certifiedKind(part) === null ? 'node-type' : part;
}
