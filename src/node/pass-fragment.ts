import type { Millis } from '../base/brands.ts';
import type { NodeState } from './node-state.ts';

/**
 * True when the fragment in the node's FLOW words may pass, which then hold its whole CID (protocol.md 5.1). One that came
 * before its datagram's first is kept, any other is dropped and counted. `copy` gives bytes that nobody else changes.
 */
export function passFragment(node: NodeState, copy: () => Uint8Array, peer: number, now: Millis): boolean {
  const { fragments, flow } = node;
  const verdict = fragments.handle(flow, peer, now);
  if (verdict === 'pass') return true;
  const outcome = verdict === 'wait' ? fragments.hold(flow, peer, copy()) : verdict;
  if (outcome !== 'held') node.incident(outcome, now);
  return false;
}
