import { type Millis, millis, unixSeconds } from '../../../src/base/brands.ts';
import { type PathAddress, pathAddress } from '../../../src/base/path-address.ts';
import { unreachable } from '../../../src/base/unreachable.ts';
import { nodeProvider } from '../../../src/crypto/node-provider.ts';
import type { Candidate } from '../../../src/nat/candidate.ts';
import { type NatKind, UNKNOWN_NAT } from '../../../src/nat/nat-kind.ts';
import type { Registered, RelayReach, SignalMessage } from '../../../src/nat/signal-message.ts';
import { relaySecret } from '../../../src/server/datagrams/relay-keys.ts';
import { Coordinator } from '../../../src/server/dc/coordinator.ts';
import type { DcEffect, DcSocket } from '../../../src/server/dc/dc-effects.ts';
import { NetworkMembers } from '../../../src/server/dc/members.ts';
import { OWN_RELAY, type RelaySite } from '../../../src/server/dc/relay-sites.ts';
import { serverKeys } from '../../../src/server/gms/server-keys.ts';
import { enrol } from '../../../src/server/network/commands/enrol.ts';
import { createToken, type TokenRequest } from '../../../src/server/network/commands/tokens.ts';
import { settingsOf } from '../../../src/server/network/settings.ts';
import type { NodeRow } from '../../../src/server/network/state.ts';
import { type World, world } from '../network/ground.ts';
import { SignalNode } from './signal-node.ts';

export const MAIN = pathAddress('198.51.100.1:47247');
export const SPARE = pathAddress('198.51.100.1:47248');
export const RELAY = pathAddress('198.51.100.1:47249');
export const RELAY_6 = pathAddress('[2001:db8:1::1]:47249');

export interface Sent {
  readonly bytes: Uint8Array;
  readonly to: PathAddress;
  readonly socket: DcSocket;
}

/** A coordinator over a network in memory, with made-up time. */
export class DcWorld {
  readonly ground: World = world();
  readonly counters = new Map<string, number>();
  readonly allowed: (DcEffect & { readonly kind: 'allow' })[] = [];
  readonly members = new NetworkMembers(this.ground.view);
  readonly keys = serverKeys(nodeProvider, settingsOf(this.ground.view));
  relays: readonly RelaySite[] = [
    {
      name: OWN_RELAY,
      endpoints: [RELAY, RELAY_6],
      secret: relaySecret(nodeProvider, settingsOf(this.ground.view).gmsSeed),
    },
  ];
  #now = 1_000_000;
  #coordinator = this.#begin();

  get coordinator(): Coordinator {
    return this.#coordinator;
  }

  get now(): Millis {
    return millis(this.#now);
  }

  get moment() {
    return { now: this.now, time: unixSeconds(this.ground.now) };
  }

  /** The process ends and starts again: nothing is remembered. */
  restart(): void {
    this.#coordinator = this.#begin();
  }

  send(bytes: Uint8Array, from: PathAddress, socket: DcSocket = 'main'): Sent[] {
    this.#coordinator.handleDatagram(bytes, from, socket, this.moment);
    return this.take();
  }

  take(): Sent[] {
    const sent: Sent[] = [];
    for (const effect of this.#coordinator.takeEffects())
      switch (effect.kind) {
        case 'send':
          sent.push(effect);
          break;
        case 'allow':
          this.allowed.push(effect);
          break;
        case 'counter':
          this.counters.set(effect.name, (this.counters.get(effect.name) ?? 0) + 1);
          break;
        default:
          unreachable(effect);
      }
    return sent;
  }

  pass(milliseconds: number): Sent[] {
    const sent: Sent[] = [];
    for (let left = milliseconds; left > 0; left -= 1_000) {
      this.#now += Math.min(left, 1_000);
      this.ground.now += Math.min(left, 1_000) / 1_000;
      this.#coordinator.tick(this.moment);
      sent.push(...this.take());
    }
    return sent;
  }

  /** A node that is enrolled and active; by default at an address of its own. */
  node(name: string, request: Partial<TokenRequest> = {}): Participant {
    const node = new SignalNode(name, this.keys.gms.publicKey);
    const full = { user: 'anna', groups: ['lab'], ...request };
    const token = this.ground.run((tools, draft) => createToken(tools, draft, full, 'test'));
    const covered = new Uint8Array(32).fill(7);
    const proof = { covered, mac: nodeProvider.hmac(token.secret, covered) };
    const order = { token: token.id, name, edPublic: node.edPublic, ...proof };
    const row = this.ground.run((tools, draft) => enrol(tools, draft, order)).node;
    this.members.handleNodesChanged();
    return new Participant(this, node, row);
  }

  #begin(): Coordinator {
    return new Coordinator(
      {
        provider: nodeProvider,
        random: (length) => this.ground.tools.random(length),
        keys: this.keys.gms,
        caPublic: this.keys.caPublic,
        members: this.members,
        place: {
          overlay: [{ address: Uint8Array.of(100, 64, 0, 0), length: 10 }],
          sockets: [MAIN, SPARE, RELAY],
          allowPrivate: false,
          allowLoopback: false,
        },
        vantages: [MAIN, SPARE],
        relays: () => this.relays,
        hasOtherAddress: true,
      },
      this.now,
    );
  }
}

let places = 0;

/** One node of the world and where it is. */
export class Participant {
  readonly #world: DcWorld;
  readonly node: SignalNode;
  readonly row: NodeRow;
  from: PathAddress = pathAddress(`203.0.113.${++places % 250}:${4_000 + places}`);
  #seq = 0;

  constructor(inWorld: DcWorld, node: SignalNode, row: NodeRow) {
    this.#world = inWorld;
    this.node = node;
    this.row = row;
  }

  hello(change: Parameters<SignalNode['hello']>[2] = {}): Uint8Array {
    return this.node.hello(this.row.caPart, this.#world.ground.now, change);
  }

  /** Opens a session; false when the coordinator says nothing. */
  meet(): boolean {
    const [welcome] = this.#world.send(this.hello(), this.from);
    if (welcome) this.node.welcomed(welcome.bytes);
    return welcome !== undefined;
  }

  say(message: SignalMessage): Sent[] {
    return this.#world.send(this.node.seal(message), this.from);
  }

  /** A session and a registration. */
  join(
    candidates: readonly Candidate[] = [{ kind: 'reflexive', address: this.from, seen: false }],
    nat: NatKind = UNKNOWN_NAT,
  ): Registered {
    this.meet();
    return this.register(candidates, nat);
  }

  register(
    candidates: readonly Candidate[],
    nat: NatKind = UNKNOWN_NAT,
    relays: readonly RelayReach[] = [],
  ): Registered {
    const [answer] = this.say({ type: 'register', seq: ++this.#seq, nat, candidates, relays });
    const message = answer && this.node.open(answer.bytes);
    if (message?.type !== 'registered') throw new Error(`not registered: ${JSON.stringify(message)}`);
    return message;
  }

  ask(peer: Participant, request = 1): Sent[] {
    return this.say({ type: 'direction-request', request, target: { kind: 'node', node: peer.node.id } });
  }
}
