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
  /** in the order of the last change, also within each group */
  readonly #entries = new Map<NodeId, Entry>();
  readonly #members = new Map<GroupId, Map<NodeId, Entry>>();
  readonly #newest = new Map<GroupId, number>();
  #changes = 0;

  /** Number of the newest change: a cursor for `since`. */
  get changes(): number {
    return this.#changes;
  }

  /** Number of the newest change that members of these groups may know of. */
  newest(groups: readonly GroupId[]): number {
    return Math.max(0, ...groups.map((group) => this.#newest.get(group) ?? 0));
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
    const news = new Set<DirectoryPeer>();
    for (const group of groups)
      for (const { peer, change } of this.#members.get(group)?.values() ?? [])
        if (change > cursor && (cursor > 0 || !peer.gone)) news.add(peer);
    return [...news];
  }

  #keep(peer: DirectoryPeer, groups: readonly GroupId[]): void {
    this.#forget(peer.id);
    const entry = { peer, groups, change: ++this.#changes };
    this.#entries.set(peer.id, entry);
    for (const group of groups) this.#membersOf(group).set(peer.id, entry);
    for (const group of groups) this.#newest.set(group, entry.change);
    if (peer.gone) this.#forgetGone();
  }

  #forgetGone(): void {
    for (const [id, { peer, change }] of this.#entries) {
      if (change > this.#changes - GONE_KEPT) return;
      if (peer.gone) this.#forget(id);
    }
  }

  #forget(id: NodeId): void {
    const entry = this.#entries.get(id);
    this.#entries.delete(id);
    for (const group of entry?.groups ?? []) {
      const members = this.#membersOf(group);
      members.delete(id);
      if (members.size === 0) this.#members.delete(group);
    }
  }

  #membersOf(group: GroupId): Map<NodeId, Entry> {
    const members = this.#members.get(group) ?? new Map<NodeId, Entry>();
    this.#members.set(group, members);
    return members;
  }
}
