import type { NodeId } from '../base/brands.ts';
import { hashDde } from './dde-seal.ts';
import type { Offered } from './end-state.ts';
import { hopAuthor, sealHopConfirmation } from './hop-box.ts';
import { formFor } from './hop-record.ts';
import type { MpitPayload } from './mpit-payload.ts';
import type { NegotiationContext } from './negotiation-context.ts';
import { rgiCore } from './rgi.ts';

/**
 * The confirmation boxes that follow CDN: this end vouches for each e_G and action that it found in MPIT, and for nothing
 * else (H5). 'weak-key' when one e_G is of small order.
 */
export function confirmationsFor(
  { provider }: NegotiationContext,
  offered: Offered,
  { hops, lifetime }: MpitPayload,
  start: NodeId,
): Uint8Array[] | 'weak-key' {
  const { opened, identity, handshake, rgi } = offered;
  const author = hopAuthor(identity, formFor(hops.length));
  const boxes: Uint8Array[] = [];
  for (const { node: hop, action, ephemeral: eG } of hops) {
    const shared = handshake.sharedWith(eG);
    if (shared === null) return 'weak-key';
    const binding = {
      dde: hashDde(provider, opened.bytes),
      rgi: provider.sha256(rgiCore(rgi)),
      eG,
      eI: opened.dde.ephemeral,
      eR: offered.ephemeral,
    };
    const parties = { hop, start, end: identity.caPart.nodeId };
    boxes.push(sealHopConfirmation(provider, shared, binding, { order: { action, lifetime }, parties }, author));
  }
  return boxes;
}
