import { type GroupId, type NodeId, nodeId } from '../../base/brands.ts';
import { groupOf } from '../network/find.ts';
import { settingsOf } from '../network/settings.ts';
import type { Change, NodeRow } from '../network/state.ts';
import type { HubContext } from './hub-context.ts';
import type { Moment } from './hub-effects.ts';
import type { Leases } from './leases.ts';
import { isServed, type Session } from './session.ts';
import type { UpdateQueue } from './update-queue.ts';

/** What changes of the store mean to nodes. */
export interface Told {
  /** nodes whose row says something new about them, to them or to others */
  readonly nodes: readonly { readonly id: NodeId; readonly row: NodeRow | undefined }[];
  /** groups with news, and whether somebody was removed */
  readonly groups: ReadonlyMap<GroupId, boolean>;
}

/** Finds out whom a change of the store concerns, and has them sent what they lack. */
export class News {
  readonly #context: HubContext;
  readonly #updates: UpdateQueue;
  readonly #leases: Leases;
  /** of every node what matters of its row, to tell a sign of life from news */
  readonly #known = new Map<NodeId, { readonly number: number; readonly text: string }>();

  constructor(context: HubContext, updates: UpdateQueue, leases: Leases) {
    this.#context = context;
    this.#updates = updates;
    this.#leases = leases;
    for (const row of context.view.rows('nodes')) this.#known.set(row.id, digest(row));
  }

  read(changes: readonly Change[]): Told {
    const nodes: Told['nodes'][number][] = [];
    const groups = new Map<GroupId, boolean>();
    for (const change of changes) {
      if (change.table === 'groups' && change.row) groups.set(change.row.id, groups.get(change.row.id) ?? false);
      if (change.table === 'versions' && change.row) {
        const { group, cause } = change.row;
        groups.set(group, cause === 'removal' || groups.get(group) === true);
      }
      if (change.table === 'nodes') this.#readNode(change.row, change.key, nodes, groups);
    }
    return { nodes, groups };
  }

  /** To the members of these groups, as the groups' policies say. */
  spread(groups: ReadonlyMap<GroupId, boolean>, sessions: ReadonlyMap<NodeId, Session>): void {
    if (groups.size === 0) return;
    for (const session of sessions.values())
      for (const [id, isRemoval] of groups) if (this.#concerns(session, id)) this.#push(session, id, isRemoval);
  }

  /** To one node that comes back and did not ask: what the policies would have sent it meanwhile. */
  spreadTo(session: Session): void {
    const { have, row } = session;
    for (const id of [...row.groups, settingsOf(this.#context.view).domain])
      if ((this.#context.view.get('groups', id)?.number ?? 0) > have.number) this.#push(session, id, false);
  }

  renewLeases(sessions: ReadonlyMap<NodeId, Session>, { time }: Moment): void {
    const { lease } = settingsOf(this.#context.view);
    for (const session of sessions.values()) {
      if (session.lease || !isServed(session) || !this.#leases.isDue(session.row.id, lease, time)) continue;
      session.lease = true;
      this.#updates.want(session);
    }
  }

  #readNode(
    row: NodeRow | undefined,
    key: string,
    nodes: Told['nodes'][number][],
    groups: Map<GroupId, boolean>,
  ): void {
    const id = nodeId(key);
    const before = this.#known.get(id);
    if (row === undefined || row.standing === 'removed') this.#leases.forget(id);
    if (row === undefined) this.#known.delete(id);
    else this.#known.set(id, digest(row));
    const now = row && digest(row);
    if (before?.text === now?.text) return;
    nodes.push({ id, row });
    // others are shown it otherwise; a newcomer they are told of when it is a member
    if (before && now && before.number !== now.number)
      for (const group of row?.groups ?? []) groups.set(group, groups.get(group) ?? false);
  }

  #concerns({ row }: Session, group: GroupId): boolean {
    return row.groups.includes(group) || group === settingsOf(this.#context.view).domain;
  }

  #push(session: Session, id: GroupId, isRemoval: boolean): void {
    // a group that is gone has no policy left, and takes its members with it by their rows
    if (this.#context.view.get('groups', id)) this.#updates.push(session, groupOf(this.#context.view, id), isRemoval);
  }
}

function digest({ number, standing, groups, certificateEnds }: NodeRow) {
  return { number, text: [number, standing, certificateEnds, ...groups].join(' ') };
}
