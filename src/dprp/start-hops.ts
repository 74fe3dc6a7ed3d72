import type { NodeId } from '../base/brands.ts';
import type { MpitHop } from './mpit-payload.ts';
import type { NegotiationContext } from './negotiation-context.ts';
import type { Rgi } from './rgi.ts';
import type { RgiPayload } from './rgi-payload.ts';
import type { Detecting } from './start-state.ts';

/** What the start GE decided for the elements on the path. */
export interface HopPlan {
  /** nothing is made at all: the decision table says discard */
  readonly discard: boolean;
  readonly hops: readonly MpitHop[];
}

export function planHops(
  _context: NegotiationContext,
  _state: Detecting,
  rgi: Rgi,
  _bytes: Uint8Array,
  _payload: RgiPayload,
): HopPlan | string {
  if (rgi.records.length > 0) return 'hops';
  return { discard: false, hops: [] };
}

export function actionsFor(
  _context: NegotiationContext,
  _state: Detecting,
  _peer: NodeId,
  _plan: HopPlan,
): Uint8Array[] {
  return [];
}
