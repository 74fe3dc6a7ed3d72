import type { DirectoryPeer } from '../../api/channel/server-message.ts';
import type { NodeId } from '../../base/brands.ts';
import type { PathAddress } from '../../base/path-address.ts';

/** Nodes that left are told of for this many further changes; who is further behind is told nothing of them. */
const GONE_KEPT = 1_024;

/**
 * Where nodes can be reached, as far as this process was told. Soft state: after a restart it fills as nodes come back, and
 * nodes go on with what they know meanwhile. A node that only loses its session stays where it was.
 */
export class Directory {
  /** in the order of the last change */
  readonly #peers = new Map<NodeId, { readonly peer: DirectoryPeer; readonly change: number }>();
  #changes = 0;

  /** Number of the newest change: a cursor for `since`. */
  get changes(): number {
    return this.#changes;
  }

  endpointsOf(id: NodeId): readonly PathAddress[] {
    return this.#peers.get(id)?.peer.endpoints ?? [];
  }

  /** Whether that was news. */
  put(peer: DirectoryPeer): boolean {
    const before = this.#peers.get(peer.id)?.peer;
    if (before?.gone === peer.gone && before.endpoints.join() === peer.endpoints.join()) return false;
    this.touch(peer);
    return true;
  }

  /** As `put`, and it counts as news in any case: others may see it from now on. */
  touch(peer: DirectoryPeer): void {
    this.#peers.delete(peer.id);
    this.#peers.set(peer.id, { peer, change: ++this.#changes });
    if (peer.gone) this.#forgetGone();
  }

  /** What changed after a cursor, of those that may be seen; from 0 on only what there is now. */
  since(cursor: number, mayBeSeen: (id: NodeId) => boolean): readonly DirectoryPeer[] {
    const news: DirectoryPeer[] = [];
    for (const { peer, change } of this.#peers.values()) {
      if (change <= cursor || (cursor === 0 && peer.gone)) continue;
      if (peer.gone || mayBeSeen(peer.id)) news.push(peer);
    }
    return news;
  }

  #forgetGone(): void {
    for (const [id, { peer, change }] of this.#peers) {
      if (change > this.#changes - GONE_KEPT) return;
      if (peer.gone) this.#peers.delete(id);
    }
  }
}
