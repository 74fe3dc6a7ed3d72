import type { Hello, NodeMessage } from '../../api/channel/node-message.ts';
import type { DirectoryPeer } from '../../api/channel/server-message.ts';
import type { CoordinatorPlace } from '../../api/channel/services.ts';
import type { NodeId } from '../../base/brands.ts';
import { unreachable } from '../../base/unreachable.ts';
import { REMOVE_REASON } from '../../crypto/roster-entry.ts';
import { renewalDue } from '../network/certificates.ts';
import { removeNode, renewCertificate } from '../network/commands/nodes.ts';
import type { Change, NodeRow } from '../network/state.ts';
import { type ChannelEffect, type ChannelFault, ServerChannel } from './channel.ts';
import type { SessionNode } from './channel-credential.ts';
import { Chores } from './chores.ts';
import { DirectoryDesk } from './directory-desk.ts';
import { Enrolments } from './enrolments.ts';
import { HubContext, type HubDeps } from './hub-context.ts';
import type { ChannelId, HubEffect, Moment } from './hub-effects.ts';
import { Leases } from './leases.ts';
import { News } from './news.ts';
import { type Connection, isServed, newSession, type Session } from './session.ts';
import { UpdateQueue } from './update-queue.ts';

/*
 * The group management server of one process: which nodes are connected, what each has, who is sent what and when. Sans-io:
 * frames, changes of the store and the time go in, effects come out (hub-effects.ts).
 *
 *   frame ─► ServerChannel ─┬─ enrol ──────► Enrolments ─► the store
 *                           └─ session ──► Session ─┬─► UpdateQueue ─► updates, each by the rules
 *   changes of the store ─► News ───────────────────┘   DirectoryDesk ─► who is where
 *   tick ─► Chores: admissions, scheduled rolls, signs of life
 */

/** Connections that have not said who they are; the oldest makes room. */
const MOST_NAMELESS = 4_096;
const DEADLINES_EVERY = 1_000;

export class Hub {
  readonly #context: HubContext;
  readonly #enrolments: Enrolments;
  readonly #updates: UpdateQueue;
  readonly #directory: DirectoryDesk;
  readonly #news: News;
  readonly #chores: Chores;
  #coordinators: readonly CoordinatorPlace[] = [];
  readonly #connections = new Map<ChannelId, Connection>();
  /** in the order of their coming */
  readonly #nameless = new Set<ChannelId>();
  readonly #sessions = new Map<NodeId, Session>();
  #deadlinesAt = 0;

  constructor(deps: HubDeps) {
    this.#context = new HubContext(deps);
    this.#enrolments = new Enrolments(this.#context);
    const leases = new Leases();
    this.#updates = new UpdateQueue(this.#context, leases);
    this.#directory = new DirectoryDesk(this.#context, this.#sessions);
    this.#news = new News(this.#context, this.#updates, leases);
    this.#chores = new Chores(this.#context);
  }

  /** The nodes that are connected to this process. */
  get sessions(): ReadonlyMap<NodeId, Session> {
    return this.#sessions;
  }

  /** Whether a node has proved on this connection who it is. */
  isSession(id: ChannelId): boolean {
    return this.#connections.get(id)?.session !== undefined;
  }

  takeEffects(): HubEffect[] {
    return this.#context.takeEffects();
  }

  /** A connection was made; the greeting goes out. `address`: 4 or 16 bytes, when the other end's says where it is. */
  handleOpened(id: ChannelId, source: string, address: Uint8Array | undefined, { now }: Moment): void {
    const keys = this.#context.keys();
    const { provider } = this.#context;
    const channel = new ServerChannel({ provider, keys, random: (length) => this.#context.random(length) }, now);
    this.#connections.set(id, { id, channel, source, address, session: undefined });
    this.#nameless.add(id);
    this.#context.emit({ kind: 'send', channel: id, frame: channel.greeting });
    const [oldest] = this.#nameless;
    if (this.#nameless.size > MOST_NAMELESS && oldest !== undefined) this.#endById(oldest, 'crowded');
  }

  handleFrame(id: ChannelId, frame: Uint8Array, moment: Moment): void {
    const connection = this.#connections.get(id);
    if (connection === undefined) return;
    this.#apply(connection, connection.channel.handleFrame(frame, moment.now, moment.time), moment);
  }

  /** The connection is gone. */
  handleClosed(id: ChannelId): void {
    const connection = this.#connections.get(id);
    if (connection !== undefined) this.#forget(connection);
  }

  /** The store kept something, here or in another process. */
  handleChanges(changes: readonly Change[], moment: Moment): void {
    const { nodes, groups } = this.#news.read(changes);
    for (const { id, row } of nodes) this.#nodeChanged(id, row, moment);
    if (nodes.length > 0 || groups.size > 0) this.#chores.lookForNewcomers();
    this.#news.spread(groups, this.#sessions);
  }

  /** What a hub of another process shared. */
  handleShared(peers: readonly DirectoryPeer[]): void {
    this.#directory.take(peers);
  }

  /** These are the network's coordinators now, this server's own first. */
  handleCoordinators(coordinators: readonly CoordinatorPlace[]): void {
    this.#coordinators = coordinators;
    for (const session of this.#sessions.values()) this.#tellServices(session);
  }

  /** Call every 100 ms or so. */
  tick(moment: Moment): void {
    this.#chores.tick(this.#sessions, this.#updates.size, moment);
    this.#directory.tick(moment.now);
    if (moment.now - this.#deadlinesAt < DEADLINES_EVERY) return;
    this.#deadlinesAt = moment.now;
    for (const connection of [...this.#connections.values()]) {
      if (connection.channel.closed) this.#end(connection, 'record-limit');
      else this.#apply(connection, connection.channel.tick(moment.now), moment);
    }
    this.#news.renewLeases(this.#sessions, moment);
  }

  /**
   * Sends to one node what waits for it; false when nothing waits. Call it as often as the loop can spare the time.
   * `isFull`: what was sent piles up, so that only small messages go out, and removals.
   */
  work(moment: Moment, isFull = false): boolean {
    return this.#updates.work(moment, isFull) || this.#directory.work(isFull);
  }

  #apply(connection: Connection, effects: readonly ChannelEffect[], moment: Moment): void {
    for (const effect of effects) this.#one(connection, effect, moment);
  }

  #one(connection: Connection, effect: ChannelEffect, moment: Moment): void {
    switch (effect.kind) {
      case 'send':
        return this.#context.emit({ kind: 'send', channel: connection.id, frame: effect.frame });
      case 'enrol':
        return this.#enrolments.handle(connection, effect, moment);
      case 'introduced':
        return this.#introduce(connection, effect.node, effect.hello, moment);
      case 'message':
        return this.#message(connection, effect.message, moment);
      case 'end':
        return this.#ended(connection, effect.fault);
      default:
        return unreachable(effect);
    }
  }

  /** The channel has checked who the node is; the rows say what it may. */
  #introduce(connection: Connection, { caPart, expired }: SessionNode, hello: Hello, moment: Moment): void {
    const row = this.#context.view.get('nodes', caPart.nodeId);
    if (row === undefined) return this.#turnAway(connection, 'node-unknown', moment);
    if (row.standing === 'removed') return this.#removed(connection, 'an administrator removed this node');
    const before = this.#sessions.get(row.id);
    if (before !== undefined) this.#end(before.connection, 'replaced');
    const session = newSession(connection, row, hello, expired, moment);
    connection.session = session;
    this.#sessions.set(row.id, session);
    this.#nameless.delete(connection.id);
    connection.channel.admit(moment.now);
    this.#context.log('info', 'node-connected', { node: row.id, name: row.name, release: hello.release });
    this.#tellStanding(session, moment);
    if (this.#coordinators.length > 0) this.#tellServices(session);
    this.#directory.put(session, hello, moment.now);
    if (hello.fetch === 'start') {
      session.asked = true;
      this.#updates.want(session);
    } else this.#news.spreadTo(session);
  }

  #message(connection: Connection, message: Exclude<NodeMessage, Hello>, moment: Moment): void {
    const { session } = connection;
    if (session === undefined) return;
    if (!session.messages.take(moment.now)) return this.#end(connection, 'flood');
    session.heardAt = moment.time;
    switch (message.type) {
      case 'ping':
        return this.#context.say(connection, { type: 'pong', time: moment.time });
      case 'renew':
        return this.#renew(session, moment);
      case 'leave':
        return isServed(session) || session.row.standing === 'pending' ? this.#leave(session) : undefined;
      case 'endpoints':
        return this.#directory.put(session, message, moment.now);
      case 'received':
        return this.#updates.acknowledge(session, message.number);
      case 'fetch':
        session.asked = true;
        return message.why === 'whole' ? this.#updates.wantWhole(session, moment.now) : this.#updates.want(session);
      default:
        return unreachable(message);
    }
  }

  /** Only a certificate that is due costs a command: whoever asks for another too early is given the one there is. */
  #renew(session: Session, { time }: Moment): void {
    const { id, name } = session.row;
    const row = this.#context.view.get('nodes', id);
    if (row && row.standing !== 'removed' && !renewalDue(this.#context.tools(time), this.#context.view, row))
      return this.#context.say(session.connection, { type: 'certificate', caPart: row.caPart });
    const result: { caPart?: Uint8Array } = {};
    this.#context.run({
      actor: { kind: 'node', name },
      action: 'renew',
      detail: { node: id },
      command: (draft, tools) => {
        result.caPart = renewCertificate(tools, draft, id).caPart;
      },
      settled: (error) => {
        const { caPart } = result;
        if (error === undefined && caPart) this.#context.say(session.connection, { type: 'certificate', caPart });
        else this.#context.log('error', 'renewal-failed', { node: id, reason: String(error) });
      },
    });
  }

  /** The change of its row, which follows, ends the session. */
  #leave({ row: { id, name } }: Session): void {
    this.#context.run({
      actor: { kind: 'node', name },
      action: 'leave',
      detail: { node: id },
      command: (draft, tools) => {
        removeNode(tools, draft, id, REMOVE_REASON.left);
      },
      settled: (error) => {
        if (error !== undefined) this.#context.log('error', 'leave-failed', { node: id, reason: String(error) });
      },
    });
  }

  #nodeChanged(id: NodeId, row: NodeRow | undefined, moment: Moment): void {
    const session = this.#sessions.get(id);
    if (row === undefined || row.standing === 'removed') {
      this.#directory.remove(id);
      if (session) this.#removed(session.connection, 'this node was removed from the network');
      return;
    }
    this.#directory.regroup(id, row.groups);
    if (session === undefined) return;
    const before = session.row;
    session.row = row;
    if (before.standing !== row.standing) {
      this.#tellStanding(session, moment);
      if (this.#coordinators.length > 0) this.#tellServices(session);
    }
    const isRegrouped = before.groups.join() !== row.groups.join();
    if (before.standing !== row.standing || isRegrouped) this.#directory.showAnew(session, moment.now);
    this.#updates.want(session, isRegrouped);
  }

  #tellStanding({ connection, row, isExpired }: Session, { time }: Moment): void {
    const state = isExpired ? 'expired' : row.standing === 'pending' ? 'pending' : 'active';
    this.#context.say(connection, { type: 'standing', state, time });
  }

  /** Only members are of use to a coordinator, and it to them. */
  #tellServices(session: Session): void {
    if (!isServed(session)) return;
    this.#context.say(session.connection, { type: 'services', coordinators: this.#coordinators });
  }

  #turnAway(connection: Connection, code: string, { time }: Moment): void {
    const text = 'this network does not know the node; join it again';
    this.#context.say(connection, { type: 'refused', code, text, time });
    this.#end(connection, code);
  }

  #removed(connection: Connection, reason: string): void {
    this.#context.say(connection, { type: 'removed', reason });
    this.#end(connection, 'removed');
  }

  #ended(connection: Connection, fault: ChannelFault): void {
    this.#context.log('info', 'channel-ended', { source: connection.source, reason: fault });
    this.#end(connection, fault);
  }

  #endById(id: ChannelId, reason: string): void {
    const connection = this.#connections.get(id);
    if (connection !== undefined) this.#end(connection, reason);
  }

  #end(connection: Connection, reason: string): void {
    this.#context.emit({ kind: 'close', channel: connection.id, reason });
    this.#forget(connection);
  }

  #forget(connection: Connection): void {
    connection.channel.close();
    this.#connections.delete(connection.id);
    this.#nameless.delete(connection.id);
    const { session } = connection;
    if (session === undefined) return;
    connection.session = undefined;
    this.#sessions.delete(session.row.id);
    this.#updates.drop(session);
    this.#directory.drop(session);
    if (session.row.standing !== 'removed') this.#chores.noteDeparture(session.row.id);
    this.#context.log('info', 'node-disconnected', { node: session.row.id, name: session.row.name });
  }
}
