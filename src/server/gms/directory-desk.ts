import { MOST_PEERS } from '../../api/channel/fields.ts';
import type { NodeEndpoints } from '../../api/channel/node-message.ts';
import { type DirectoryPeer, encodeServerMessage } from '../../api/channel/server-message.ts';
import type { GroupId, Millis, NodeId } from '../../base/brands.ts';
import { Directory } from './directory.ts';
import { endpointsOf } from './endpoint-filter.ts';
import type { HubContext } from './hub-context.ts';
import { isServed, type Session } from './session.ts';

/** Changes of so many milliseconds are told together, and so is everything to those who came meanwhile. */
const TELL_EVERY = 500;

/** So many changes may be told at any time. */
const LITTLE = 64;
/** Encoded messages that are kept for others who are as far behind. */
const MOST_ENCODED = 64;

/** Tells each node where the members of its groups are. */
export class DirectoryDesk {
  readonly #context: HubContext;
  readonly #sessions: ReadonlyMap<NodeId, Session>;
  readonly #directory = new Directory();
  readonly #waiting = new Set<Session>();
  /** encoded messages by groups and cursor: nodes of the same groups are told the same */
  readonly #encoded = new Map<string, readonly Uint8Array[]>();
  #encodedAt = 0;
  #toldAt = Number.NEGATIVE_INFINITY;

  constructor(context: HubContext, sessions: ReadonlyMap<NodeId, Session>) {
    this.#context = context;
    this.#sessions = sessions;
  }

  /** Where a node says that it is, and where it is seen. */
  put(session: Session, own: NodeEndpoints, now: Millis): void {
    session.endpoints = endpointsOf(own, session.connection.address);
    if (!isServed(session)) return;
    const { id, groups } = session.row;
    const peer = { id, endpoints: session.endpoints, gone: false };
    if (this.#directory.put(peer, groups)) this.#context.emit({ kind: 'share', peers: [peer] });
    // who comes alone need not wait
    if (now - this.#toldAt >= TELL_EVERY) this.#tell(now);
  }

  /** The node was let in, or is in other groups: it is told of all whom it may know now. */
  showAnew(session: Session, now: Millis): void {
    session.cursor = 0;
    this.put(session, { udpPort: 0, endpoints: session.endpoints }, now);
  }

  /** A node is in these groups now, wherever it is connected. */
  regroup(id: NodeId, groups: readonly GroupId[]): void {
    this.#directory.regroup(id, groups);
  }

  remove(id: NodeId): void {
    this.#directory.remove(id);
  }

  /** What other processes know. */
  take(peers: readonly DirectoryPeer[]): void {
    for (const peer of peers) {
      const row = this.#context.view.get('nodes', peer.id);
      if (row?.standing === 'active') this.#directory.put(peer, row.groups);
    }
  }

  drop(session: Session): void {
    this.#waiting.delete(session);
  }

  tick(now: Millis): void {
    if (now - this.#toldAt >= TELL_EVERY) this.#tell(now);
  }

  /** Tells one of those who wait; false when nobody does. `isFull`: only those who are to be told little. */
  work(isFull: boolean): boolean {
    const session = isFull ? [...this.#waiting].find((each) => this.#isLittle(each)) : first(this.#waiting);
    if (session === undefined) return false;
    this.#waiting.delete(session);
    for (const message of this.#messagesFor(session)) this.#context.sayBytes(session.connection, message);
    session.cursor = this.#directory.changes;
    if (this.#waiting.size === 0) this.#encoded.clear();
    return true;
  }

  #isLittle({ cursor }: Session): boolean {
    return this.#directory.changes - cursor <= LITTLE;
  }

  #tell(now: Millis): void {
    const { changes } = this.#directory;
    for (const session of this.#sessions.values()) {
      if (session.cursor === changes || !isServed(session)) continue;
      const isNews = this.#directory.newest(session.row.groups) > session.cursor;
      if (!isNews) session.cursor = changes;
      if (!isNews) continue;
      this.#waiting.add(session);
      this.#toldAt = now;
    }
  }

  #messagesFor({ row, cursor }: Session): readonly Uint8Array[] {
    if (this.#encodedAt !== this.#directory.changes) this.#encoded.clear();
    this.#encodedAt = this.#directory.changes;
    const key = `${cursor} ${[...row.groups].sort().join(' ')}`;
    const known = this.#encoded.get(key);
    if (known !== undefined) return known;
    const peers = this.#directory.since(cursor, row.groups);
    const messages = chunks(peers).map((part) => encodeServerMessage({ type: 'directory', peers: part }));
    if (this.#encoded.size < MOST_ENCODED) this.#encoded.set(key, messages);
    return messages;
  }
}

function first<T>(set: ReadonlySet<T>): T | undefined {
  const [one] = set;
  return one;
}

function chunks(peers: readonly DirectoryPeer[]): readonly (readonly DirectoryPeer[])[] {
  return Array.from({ length: Math.ceil(peers.length / MOST_PEERS) }, (_, i) =>
    peers.slice(i * MOST_PEERS, (i + 1) * MOST_PEERS),
  );
}
