import type { Hello, Holding } from '../../../src/api/channel/node-message.ts';
import { decodeServerMessage, type ServerMessage } from '../../../src/api/channel/server-message.ts';
import { millis, unixSeconds } from '../../../src/base/brands.ts';
import type { LogFields } from '../../../src/base/log.ts';
import { unreachable } from '../../../src/base/unreachable.ts';
import { type Bundle, decodeBundle, decodeEnvelope } from '../../../src/crypto/bundle.ts';
import { nodeProvider } from '../../../src/crypto/node-provider.ts';
import { Hub } from '../../../src/server/gms/hub.ts';
import { type ChannelId, channelId, type HubEffect, type Moment } from '../../../src/server/gms/hub-effects.ts';
import { rollGroup } from '../../../src/server/network/commands/groups.ts';
import { removeNode } from '../../../src/server/network/commands/nodes.ts';
import { createToken, type TokenRequest } from '../../../src/server/network/commands/tokens.ts';
import { groupNamed } from '../../../src/server/network/find.ts';
import { settingsOf } from '../../../src/server/network/settings.ts';
import type { NodeRow, TokenRow, VersionRow } from '../../../src/server/network/state.ts';
import { newestVersion } from '../../../src/server/network/versions.ts';
import { ok } from '../../crypto/fixtures.ts';
import { type World, world } from '../network/ground.ts';
import { Peer } from './peer.ts';

/** A hub over a store in memory, with made-up time, and the lines of the peers that are connected to it. */
export class HubWorld {
  readonly ground: World;
  readonly hub: Hub;
  readonly log: { readonly event: string; readonly fields: LogFields }[] = [];
  readonly closed = new Map<ChannelId, string>();
  /** commands that the hub had run */
  readonly ran: string[] = [];
  /** nodes that updates were sent to, one after the other */
  readonly sent: ChannelId[] = [];
  /** when false, what waits for nodes is not worked off */
  isWorking = true;
  /** when true, what was sent piles up */
  isFull = false;
  #now = 1_000_000;
  #last = 0;
  readonly #inboxes = new Map<ChannelId, Uint8Array[]>();
  readonly #shared: HubEffect[] = [];

  constructor(ground: World = world()) {
    this.ground = ground;
    const { random } = ground.tools;
    this.hub = new Hub({ state: ground.store.state, provider: nodeProvider, random });
    ground.store.onChanges((changes) => this.hub.handleChanges(changes, this.moment));
  }

  get moment(): Moment {
    return { now: millis(this.#now), time: unixSeconds(this.ground.now) };
  }

  get shared(): readonly HubEffect[] {
    return this.#shared;
  }

  /** A peer at the other end of a new connection. */
  connect(name: string, source = '192.0.2.1', address: Uint8Array = Uint8Array.of(192, 0, 2, 1)): HubPeer {
    const id = channelId(++this.#last);
    const inbox: Uint8Array[] = [];
    this.#inboxes.set(id, inbox);
    this.hub.handleOpened(id, source, address, this.moment);
    this.settle();
    const [greeting = new Uint8Array(0)] = inbox.splice(0);
    return new HubPeer(this, id, name, greeting, inbox);
  }

  disconnect({ id }: HubPeer): void {
    this.hub.handleClosed(id);
    this.settle();
  }

  frame(id: ChannelId, frame: Uint8Array): void {
    this.hub.handleFrame(id, frame, this.moment);
    this.settle();
  }

  /** Lets time pass in steps of 100 ms. */
  pass(milliseconds: number): void {
    for (let left = milliseconds; left > 0; left -= 100) {
      this.#now += 100;
      if (this.#now % 1_000 === 0) this.ground.now += 1;
      this.hub.tick(this.moment);
      this.settle();
    }
  }

  /** Lets much time pass at once, as when a machine slept; then a moment for what follows. */
  leap(seconds: number): void {
    this.ground.now += seconds;
    this.pass(1_100);
  }

  settle(): void {
    for (;;) {
      const effects = this.hub.takeEffects();
      for (const effect of effects) this.#carryOut(effect);
      const more = this.isWorking && this.hub.work(this.moment, this.isFull);
      if (effects.length === 0 && !more) return;
    }
  }

  token(request: Partial<TokenRequest> = {}): TokenRow {
    const full = { user: 'anna', groups: ['lab'], ...request };
    return this.ground.run((tools, draft) => createToken(tools, draft, full, 'test'));
  }

  /** A machine enrols over the channel, with a token of its own. */
  enrol(name: string, request: Partial<TokenRequest> = {}): NodeRow {
    const peer = this.connect(name);
    const answer = peer.enrol(this.token(request));
    if (answer?.type !== 'enrolled') throw new Error(`not enrolled: ${JSON.stringify(answer)}`);
    this.disconnect(peer);
    return this.row(answer.name);
  }

  /** A session of a node that is enrolled. */
  session(row: NodeRow, name: string, change: Partial<Hello> = {}, address?: Uint8Array): HubPeer {
    const peer = this.connect(name, '192.0.2.1', address);
    peer.first = peer.start(row.caPart, unixSeconds(this.ground.now), change);
    return peer;
  }

  /** A node that is enrolled, a member, connected, and has all there is. */
  member(name: string, change: Partial<Hello> = {}): HubPeer {
    this.enrol(name);
    this.pass(300);
    const peer = this.session(this.row(name), name, change);
    this.acknowledgeAll(peer);
    this.pass(600);
    peer.received();
    return peer;
  }

  /** The node says that it took what it was sent. */
  acknowledgeAll(peer: HubPeer): void {
    peer.say({ type: 'received', number: settingsOf(this.ground.view).number });
  }

  /** What the hub takes the node to have. */
  holding(peer: HubPeer): Holding {
    const session = [...this.hub.sessions.values()].find(({ connection }) => connection.id === peer.id);
    if (session === undefined) throw new Error('no session');
    return session.have;
  }

  roll(group = 'lab'): number {
    return this.ground.run((tools, draft) => rollGroup(tools, draft, group)).v;
  }

  remove(name: string): void {
    this.ground.run((tools, draft) => removeNode(tools, draft, name));
    this.settle();
  }

  /** The newest version of the group lab. */
  newest(): VersionRow {
    return newestVersion(this.ground.view, groupNamed(this.ground.view, 'lab'));
  }

  row(name: string): NodeRow {
    for (const row of this.ground.view.rows('nodes')) if (row.name === name && row.standing !== 'removed') return row;
    throw new Error(`no node ${name}`);
  }

  #carryOut(effect: HubEffect): void {
    switch (effect.kind) {
      case 'send':
        this.#inboxes.get(effect.channel)?.push(effect.frame);
        this.sent.push(effect.channel);
        return;
      case 'close':
        this.closed.set(effect.channel, effect.reason);
        return;
      case 'run':
        return this.#run(effect);
      case 'share':
        this.#shared.push(effect);
        return;
      case 'log':
        this.log.push(effect);
        return;
      default:
        unreachable(effect);
    }
  }

  #run({ actor, action, detail, command, settled }: Extract<HubEffect, { kind: 'run' }>): void {
    let error: unknown;
    this.ran.push(action);
    try {
      this.ground.store.runNow(actor, action, (draft) => command(draft, this.ground.tools), detail);
    } catch (cause) {
      error = cause;
    }
    settled(error, this.moment);
  }
}

/** A peer of a hub: what is sent to it unasked waits in its inbox. */
export class HubPeer extends Peer {
  readonly id: ChannelId;
  /** what a session began with */
  first: readonly ServerMessage[] = [];
  readonly #inbox: Uint8Array[];

  constructor(owner: HubWorld, id: ChannelId, name: string, greeting: Uint8Array, inbox: Uint8Array[]) {
    super(name, greeting, (frame) => {
      owner.frame(id, frame);
      return inbox.splice(0);
    });
    this.id = id;
    this.#inbox = inbox;
  }

  /** What came unasked since it was asked last. */
  received(): readonly ServerMessage[] {
    return this.read(this.#inbox.splice(0)).map((bytes) => ok(decodeServerMessage(bytes)));
  }
}

/** The bundles among messages. */
export function bundlesIn(messages: readonly ServerMessage[]): readonly Bundle[] {
  return messages.flatMap((message) => (message.type === 'update' ? [bundleOf(message.bundle)] : []));
}

/** What messages are, in their order. */
export function typesOf(messages: readonly ServerMessage[]): readonly string[] {
  return messages.map(({ type }) => type);
}

function bundleOf(bytes: Uint8Array): Bundle {
  const envelope = decodeEnvelope(bytes);
  if (typeof envelope === 'string') throw new Error(envelope);
  const bundle = decodeBundle(envelope.body);
  if (typeof bundle === 'string') throw new Error(bundle);
  return bundle;
}
