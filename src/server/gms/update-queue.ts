import type { Millis } from '../../base/brands.ts';
import { wipe } from '../../base/bytes.ts';
import { type Overtaking, overtake } from '../network/commands/overtake.ts';
import { settingsOf } from '../network/settings.ts';
import type { GroupRow } from '../network/state.ts';
import { type NoUpdate, updateFor } from '../network/updates.ts';
import { newestVersion } from '../network/versions.ts';
import type { HubContext } from './hub-context.ts';
import type { Moment } from './hub-effects.ts';
import type { Leases } from './leases.ts';
import { isServed, type Session } from './session.ts';

/** Updates that a node may leave unacknowledged before it is sent more; a removal does not wait. */
const MOST_UNDER_WAY = 4;
/** Roster entries, of some 200 bytes each. */
const MUCH = 64;
/** A node is given everything at most once in so long (milliseconds). */
const WHOLE_EVERY = 20_000;
/** Claims to be ahead are looked at once in so long, whoever makes them: each may roll every group (milliseconds). */
const OVERTAKE_EVERY = 60_000;

/** Who is to be sent news of keys, and in which order: removals first, then as they came. */
export class UpdateQueue {
  readonly #context: HubContext;
  readonly #leases: Leases;
  readonly #urgent = new Set<Session>();
  readonly #waiting = new Set<Session>();
  /** whom much is to be sent, until there is room for it */
  readonly #large = new Set<Session>();
  /** who claims to be ahead, of which number, and when such a claim was last looked at */
  readonly #ahead = new Set<Session>();
  #aheadOf = 0;
  #overtakenAt: Millis | undefined;

  constructor(context: HubContext, leases: Leases) {
    this.#context = context;
    this.#leases = leases;
  }

  get size(): number {
    return this.#urgent.size + this.#waiting.size + this.#large.size;
  }

  /** News of a group: for whom the policy pushes to; a removal is for everybody (protocol.md 10.2, 10.3). */
  push(session: Session, group: Pick<GroupRow, 'push'>, isRemoval: boolean): void {
    if (isRemoval) this.#add(this.#urgent, session);
    else if (group.push === 'all' || session.alwaysOn) this.#add(this.#waiting, session);
  }

  /** News of the node itself, or an answer that it waits for. */
  want(session: Session, isUrgent = false): void {
    this.#add(isUrgent ? this.#urgent : this.#waiting, session);
  }

  /** Forgets what the node says it has: it is given everything. */
  wantWhole(session: Session, now: Moment['now']): void {
    if (session.wholeAt === undefined || now - session.wholeAt >= WHOLE_EVERY) {
      session.wholeAt = now;
      session.have = { number: 0, groups: [] };
      session.underWay = 0;
    }
    this.want(session);
  }

  acknowledge(session: Session, number: number): void {
    session.acknowledged = number;
    session.underWay = number >= session.have.number ? 0 : Math.max(0, session.underWay - 1);
    if (isHeldBack(session)) return;
    if (session.blocked) this.want(session);
    session.blocked = false;
  }

  drop(session: Session): void {
    this.#urgent.delete(session);
    this.#waiting.delete(session);
    this.#large.delete(session);
    this.#ahead.delete(session);
  }

  /** Sends to one of those who wait; false when nobody does. `isFull`: nobody is sent much, but for removals. */
  work(moment: Moment, isFull: boolean): boolean {
    this.#lookAgain(moment.now);
    const set = [this.#urgent, this.#waiting].find(({ size }) => size > 0) ?? (isFull ? NOBODY : this.#large);
    const [session] = set;
    if (session === undefined) return false;
    this.drop(session);
    if (!isServed(session)) return true;
    if (set === this.#urgent) this.#update(session, moment);
    else if (isHeldBack(session)) session.blocked = true;
    else if (isFull && this.#lacksMuch(session)) this.#large.add(session);
    else this.#update(session, moment);
    return true;
  }

  /** Whether a node is to be sent more than a few roster entries: by far the largest part of a bundle. */
  #lacksMuch({ row, have }: Session): boolean {
    const { view } = this.#context;
    return row.groups.some((id) => {
      const group = view.get('groups', id);
      const has = have.groups.find((each) => each.id === id)?.seq ?? -1;
      return group !== undefined && newestVersion(view, group).rosterSeq - has > MUCH;
    });
  }

  #add(set: Set<Session>, session: Session): void {
    if (isServed(session)) set.add(session);
  }

  #update(session: Session, moment: Moment): void {
    const { row, have, lease } = session;
    const update = updateFor(this.#context.tools(moment.time), this.#context.view, row.id, have, { lease });
    if (typeof update === 'string') return this.#nothing(session, update, moment);
    const { bytes, after } = update;
    this.#context.say(session.connection, { type: 'update', bundle: bytes });
    wipe(bytes);
    session.have = after;
    session.underWay += 1;
    session.asked = false;
    if (lease || have.number === 0) this.#leases.handleRenewal(row.id, moment.time);
    session.lease = false;
  }

  #nothing(session: Session, why: NoUpdate, moment: Moment): void {
    if (why === 'ahead') return this.#overtake(session, moment);
    if (session.asked) this.#context.say(session.connection, { type: 'standing', state: 'active', time: moment.time });
    session.asked = false;
  }

  /**
   * The node has seen more than we have. Either another process of the network has it too, or the database was restored:
   * then all keys go on above what the node has (protocol.md 10.5 V1).
   */
  #overtake(session: Session, { now }: Moment): void {
    if (!this.#mayOvertake(now)) return this.#wait(session);
    this.#overtakenAt = now;
    const { row, have } = session;
    const result: { overtaking?: Overtaking } = {};
    this.#context.run({
      actor: { kind: 'node', name: row.name },
      action: 'overtake',
      detail: { node: row.id, number: have.number },
      command: (draft, tools) => {
        result.overtaking = overtake(tools, draft, have);
      },
      settled: (error) => this.#overtaken(session, error, result.overtaking),
    });
  }

  #mayOvertake(now: Millis): boolean {
    return this.#overtakenAt === undefined || now - this.#overtakenAt >= OVERTAKE_EVERY;
  }

  #wait(session: Session): void {
    this.#ahead.add(session);
    this.#aheadOf = settingsOf(this.#context.view).number;
  }

  /** Most of those who were ahead are so no more as soon as something changed. */
  #lookAgain(now: Millis): void {
    if (this.#ahead.size === 0) return;
    if (settingsOf(this.#context.view).number === this.#aheadOf && !this.#mayOvertake(now)) return;
    for (const session of this.#ahead) this.#add(this.#waiting, session);
    this.#ahead.clear();
  }

  #overtaken(session: Session, error: unknown, { rolled, lost }: Overtaking = NOTHING): void {
    const node = session.row.id;
    if (error !== undefined) return this.#context.log('error', 'overtake-failed', { node, reason: String(error) });
    if (rolled) this.#context.log('warn', 'overtaken', { node });
    if (lost.length > 0) this.#context.log('error', 'roster-lost', { node, groups: lost.join(' ') });
    this.want(session);
  }
}

const NOBODY: ReadonlySet<Session> = new Set();
const NOTHING: Overtaking = { rolled: false, lost: [] };

function isHeldBack(session: Session): boolean {
  return session.underWay >= MOST_UNDER_WAY;
}
