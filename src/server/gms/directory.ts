import type { DirectoryPeer } from '../../api/channel/server-message.ts';
import type { GroupId, NodeId } from '../../base/brands.ts';

/** Nodes that left are told of for so many further changes; who is further behind is told nothing of them. */
const GONE_KEPT = 1_024;

interface Entry {
  readonly peer: DirectoryPeer;
  /** whose members may know */
  readonly groups: readonly GroupId[];
  readonly change: number;
}

/**
 * Where nodes can be reached, as far as this process was told. Soft state: after a restart it fills as nodes come back, and
 * nodes go on with what they know meanwhile. A node that only loses its session stays where it was.
 */
export class Directory {
  /** in the order of the last change */
  readonly #entries = new Map<NodeId, Entry>();
  #changes = 0;

  /** Number of the newest change: a cursor for `since`. */
  get changes(): number {
    return this.#changes;
  }

  /** Whether that was news. */
  put(peer: DirectoryPeer, groups: readonly GroupId[]): boolean {
    const before = this.#entries.get(peer.id);
    const isSame =
      before?.peer.gone === peer.gone &&
      before.peer.endpoints.join() === peer.endpoints.join() &&
      before.groups.join() === groups.join();
    if (!isSame) this.#keep(peer, groups);
    return !isSame;
  }

  /** The node is in other groups now. */
  regroup(id: NodeId, groups: readonly GroupId[]): void {
    const before = this.#entries.get(id);
    if (before) this.put(before.peer, groups);
  }

  /** The node left the network: those are told who could know where it was. */
  remove(id: NodeId): void {
    const before = this.#entries.get(id);
    if (before) this.put({ id, endpoints: [], gone: true }, before.groups);
  }

  /** What changed after a cursor of what members of these groups may know; from 0 on only what there is now. */
  since(cursor: number, groups: readonly GroupId[]): readonly DirectoryPeer[] {
    const news: DirectoryPeer[] = [];
    for (const { peer, change, groups: own } of this.#entries.values()) {
      if (change <= cursor || (cursor === 0 && peer.gone)) continue;
      if (own.some((group) => groups.includes(group))) news.push(peer);
    }
    return news;
  }

  #keep(peer: DirectoryPeer, groups: readonly GroupId[]): void {
    this.#entries.delete(peer.id);
    this.#entries.set(peer.id, { peer, groups, change: ++this.#changes });
    if (peer.gone) this.#forgetGone();
  }

  #forgetGone(): void {
    for (const [id, { peer, change }] of this.#entries) {
      if (change > this.#changes - GONE_KEPT) return;
      if (peer.gone) this.#entries.delete(id);
    }
  }
}
