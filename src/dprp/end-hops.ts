import type { NodeId } from '../base/brands.ts';
import type { Offered } from './end-state.ts';
import type { MpitHop } from './mpit-payload.ts';
import type { NegotiationContext } from './negotiation-context.ts';

export function confirmationsFor(
  _context: NegotiationContext,
  _offered: Offered,
  _hops: readonly MpitHop[],
  _peer: NodeId,
): Uint8Array[] {
  return [];
}
