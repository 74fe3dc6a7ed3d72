import { type NodeId, nodeId } from '../../src/base/brands.ts';
import { concat, fromHex, toHex } from '../../src/base/bytes.ts';
import { type PathAddress, pathAddress } from '../../src/base/path-address.ts';
import { nodeProvider as provider } from '../../src/crypto/node-provider.ts';
import { decodeBinding, encodeBindAck, encodeBindChallenge, isAuthenticBinding } from '../../src/nat/bind.ts';
import type { Candidate } from '../../src/nat/candidate.ts';
import { NAT_KIND } from '../../src/nat/constants.ts';
import { type NatKind, UNKNOWN_NAT } from '../../src/nat/nat-kind.ts';
import { hostOf } from '../../src/nat/outer-address.ts';
import { decodeReflect, encodeReflect, isAuthenticReflect, type ReflectFrom } from '../../src/nat/reflect.ts';
import { decodeFrame } from '../../src/nat/relay-frame.ts';
import { decodeSignal, encodeSignal, type RouteDirection, type SignalMessage } from '../../src/nat/signal-message.ts';
import type { Packet, SimNetwork } from './sim-network.ts';

export const DC = pathAddress('198.51.100.1:47247');
export const DC_OTHER_PORT = pathAddress('198.51.100.1:47248');
export const DC_OTHER_ADDRESS = pathAddress('198.51.100.2:47247');
export const RELAY = pathAddress('198.51.100.3:47247');
export const DC_6 = pathAddress('[2001:db8:1::1]:47247');
export const RELAY_6 = pathAddress('[2001:db8:1::3]:47247');
export const SERVERS = ['198.51.100.1', '198.51.100.2', '198.51.100.3', '2001:db8:1::1', '2001:db8:1::3'];

/** Keys that the true coordinator gives with REGISTERED. */
export const keyOf = (node: NodeId, what: string) => provider.hmac(fromHex(node), new TextEncoder().encode(what));
const COALESCE_MS = 2_000;

interface Registration {
  readonly from: PathAddress;
  readonly at: PathAddress;
  readonly nat: NatKind;
  readonly candidates: readonly Candidate[];
}

interface Pair {
  readonly at: number;
  readonly pathId: Uint8Array;
  readonly tempKey: Uint8Array;
  readonly channel: number;
}

/** The part of a coordinator that the path agents need. Its messages travel bare behind the node's id: no Noise here. */
export class SimCoordinator {
  readonly #network: SimNetwork;
  readonly registrations = new Map<NodeId, Registration>();
  /** channel → the two nodes that may bind it; the relay reads it */
  readonly channels = new Map<number, readonly [NodeId, NodeId]>();
  readonly #pairs = new Map<string, Pair>();
  readonly #asking = new Map<string, { readonly request: number; readonly asker: NodeId; readonly pair: Pair }>();
  /** what a lying coordinator adds to the candidates of everybody */
  lie: readonly Candidate[] = [];
  down = false;

  constructor(network: SimNetwork) {
    this.#network = network;
    for (const at of [DC, DC_OTHER_ADDRESS, DC_6]) network.internet.attach(hostOf(at), this);
  }

  handlePacket({ from, to, bytes }: Packet): void {
    if (this.down) return;
    if (bytes[0] === NAT_KIND.reflect) return this.#reflect(from, to, bytes);
    if (bytes[0] !== NAT_KIND.signal) return;
    const node = nodeId(toHex(bytes.subarray(1, 17)));
    const message = decodeSignal(bytes.subarray(17));
    if (typeof message !== 'string') this.#handle(node, message, from, to);
  }

  #handle(node: NodeId, message: SignalMessage, from: PathAddress, at: PathAddress): void {
    switch (message.type) {
      case 'register': {
        const candidates = message.candidates.map((each) => ({ ...each, seen: hostOf(each.address) === hostOf(from) }));
        this.registrations.set(node, { from, at, nat: message.nat, candidates });
        return;
      }
      case 'direction-request': {
        const { target } = message;
        if (target.kind !== 'node' || !this.registrations.has(target.node)) return;
        const pair = this.#pair(node, target.node);
        this.#asking.set(`${toHex(pair.pathId)} ${target.node}`, {
          request: message.request,
          asker: node,
          pair,
        });
        this.#direct(target.node, node, 'end', 0, pair);
        return;
      }
      case 'ack': {
        const asking = this.#asking.get(`${toHex(message.pathId)} ${node}`);
        const known = this.registrations.get(node);
        if (!asking || !known) return;
        this.#direct(asking.asker, node, 'asker', asking.request, asking.pair);
        return;
      }
      default:
        return;
    }
  }

  /** Two nodes that ask for each other at the same time get one path id. */
  #pair(a: NodeId, b: NodeId): Pair {
    const name = a < b ? `${a} ${b}` : `${b} ${a}`;
    const known = this.#pairs.get(name);
    if (known && this.#network.now - known.at < COALESCE_MS) return known;
    const channel = 1 + Math.floor(this.#network.random() * 0xfffffffe);
    const made = { at: this.#network.now, pathId: this.#network.bytes(8), tempKey: this.#network.bytes(32), channel };
    this.#pairs.set(name, made);
    this.channels.set(channel, [a, b]);
    return made;
  }

  #direct(to: NodeId, peer: NodeId, role: RouteDirection['role'], request: number, pair: Pair): void {
    const known = this.registrations.get(to);
    const other = this.registrations.get(peer);
    if (!known || !other) return;
    const { pathId, tempKey, channel } = pair;
    const candidates = [...other.candidates, ...this.lie].slice(0, 8);
    const relay = { address: known.at === DC_6 ? RELAY_6 : RELAY, channel };
    const message = {
      type: 'route-direction',
      request,
      pathId,
      role,
      peer,
      tempKey,
      nat: other.nat ?? UNKNOWN_NAT,
      relay,
      candidates,
    } as const;
    const bytes = concat(Uint8Array.of(NAT_KIND.signal), fromHex(to), encodeSignal(message));
    this.#network.internet.send({ from: known.at, to: known.from, bytes });
  }

  #reflect(from: PathAddress, to: PathAddress, bytes: Uint8Array): void {
    const question = decodeReflect(bytes);
    if (typeof question === 'string' || question.kind !== 'question') return;
    const node = [...tickets].find(([, ticket]) => ticket === question.ticket)?.[0];
    if (!node) return;
    const key = keyOf(node, 'reflect');
    if (!isAuthenticReflect(provider, key, bytes, question)) return;
    const answer = encodeReflect(provider, key, { ...question, kind: 'answer', seen: from });
    const source: Record<ReflectFrom, PathAddress> = {
      asked: to,
      'other-port': DC_OTHER_PORT,
      'other-address': DC_OTHER_ADDRESS,
    };
    const send = () => this.#network.internet.send({ from: source[question.from], to: from, bytes: answer });
    this.#network.at(this.#network.now + question.delay * 1000, send);
  }
}

/** Which ticket the coordinator gave to whom. */
export const tickets = new Map<NodeId, number>();

/** A relay by the rules of protocol.md 7: two addresses per channel, bound after a challenge. */
export class SimRelay {
  readonly #network: SimNetwork;
  readonly #coordinator: SimCoordinator;
  readonly #secret: Uint8Array;
  readonly #bound = new Map<
    number,
    Map<NodeId, { readonly from: PathAddress; readonly at: PathAddress; readonly seq: number }>
  >();
  forwarded = 0;
  down = false;

  constructor(network: SimNetwork, coordinator: SimCoordinator) {
    this.#network = network;
    this.#coordinator = coordinator;
    this.#secret = network.bytes(32);
    for (const at of [RELAY, RELAY_6]) network.internet.attach(hostOf(at), this);
  }

  handlePacket({ from, to, bytes }: Packet): void {
    if (this.down) return;
    if (bytes[0] === NAT_KIND.bind) this.#bind(from, to, bytes);
    else this.#forward(from, bytes);
  }

  #bind(from: PathAddress, to: PathAddress, bytes: Uint8Array): void {
    const bind = decodeBinding(bytes);
    if (typeof bind === 'string' || bind.kind !== 'bind') return;
    const key = keyOf(bind.node, 'relay');
    const { channel, seq, node, nonce } = bind;
    if (!isAuthenticBinding(provider, key, bytes) || !this.#coordinator.channels.get(channel)?.includes(node)) return;
    const ends = this.#bound.get(channel) ?? new Map();
    if ((ends.get(node)?.seq ?? -1) > seq) return;
    const wanted = provider
      .hmac(this.#secret, new TextEncoder().encode(`${channel} ${node} ${seq} ${from}`))
      .slice(0, 16);
    const answer = (answerBytes: Uint8Array) => this.#network.internet.send({ from: to, to: from, bytes: answerBytes });
    if (!bind.challenge || toHex(bind.challenge) !== toHex(wanted)) {
      answer(encodeBindChallenge({ kind: 'bind-challenge', channel, seq, challenge: wanted }));
      return;
    }
    this.#bound.set(channel, ends.set(node, { from, at: to, seq }));
    answer(encodeBindAck(provider, key, { kind: 'bind-ack', status: 'bound', channel, seq, nonce, seen: from }));
  }

  #forward(from: PathAddress, bytes: Uint8Array): void {
    const channel = decodeFrame(bytes);
    if (typeof channel === 'string') return;
    const ends = [...(this.#bound.get(channel)?.values() ?? [])];
    if (!ends.some((end) => end.from === from)) return;
    const other = ends.find((end) => end.from !== from);
    if (!other) return;
    this.forwarded++;
    this.#network.internet.send({ from: other.at, to: other.from, bytes });
  }
}
