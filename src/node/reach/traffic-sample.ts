import { millis, type NodeId } from '../../base/brands.ts';
import type { PathAgent } from '../../nat/path-agent.ts';
import { slotOf } from '../../pccom/sa.ts';
import type { NodeState } from '../node-state.ts';

interface Seen {
  sent: number;
  heard: number;
}

const NEVER = -1e12;

/** Tells the path agents who was sent to and heard since the last time, out of tables that the packet path fills by the way. */
export class TrafficSample {
  readonly #node: NodeState;
  readonly #seen = new Map<NodeId, Seen>();

  constructor(node: NodeState) {
    this.#node = node;
  }

  /** Returns when an application sent something last, to anybody. */
  take(agentOf: (peer: NodeId) => PathAgent): number {
    let last = NEVER;
    for (const [peer, sent] of this.#sent()) {
      last = Math.max(last, sent);
      this.#tell(agentOf(peer), peer, sent, this.#node.paths.heardAt(this.#node.paths.peer(peer).slot));
    }
    return last;
  }

  /** When an application sent something to this peer last, as far as it was sampled. */
  sentAt(peer: NodeId): number {
    return this.#seen.get(peer)?.sent ?? NEVER;
  }

  /** By peer that has an SA: when an application sent something last. */
  #sent(): Map<NodeId, number> {
    const { sas } = this.#node;
    const sent = new Map<NodeId, number>();
    for (const sa of sas.sas()) {
      const at = sas.lastData[slotOf(sa.local)] ?? NEVER;
      sent.set(sa.peer, Math.max(sent.get(sa.peer) ?? NEVER, at));
    }
    return sent;
  }

  /** In the order in which it happened. */
  #tell(agent: PathAgent, peer: NodeId, sent: number, heard: number): void {
    const seen = this.#seen.get(peer) ?? { sent: NEVER, heard: NEVER };
    this.#seen.set(peer, seen);
    const [isSent, isHeard] = [sent > seen.sent, heard > seen.heard];
    if (isSent && sent <= heard) agent.handleSent(millis(sent));
    if (isHeard) agent.handleHeard(millis(heard));
    if (isSent && sent > heard) agent.handleSent(millis(sent));
    seen.sent = Math.max(seen.sent, sent);
    seen.heard = Math.max(seen.heard, heard);
  }
}
