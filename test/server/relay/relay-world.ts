import { type Millis, millis, type NodeId, nodeId } from '../../../src/base/brands.ts';
import { concat } from '../../../src/base/bytes.ts';
import { formatPath, type PathAddress, parsePath, pathAddress } from '../../../src/base/path-address.ts';
import { MESSAGE } from '../../../src/base/primitives.ts';
import type { RelayWalk } from '../../../src/base/relay-primitives.ts';
import { nodeProvider } from '../../../src/crypto/node-provider.ts';
import { encodeBind } from '../../../src/nat/bind.ts';
import { RelayBinder } from '../../../src/nat/relay-binder.ts';
import { encodeFrame } from '../../../src/nat/relay-frame.ts';
import { relayKeyOf } from '../../../src/server/datagrams/relay-keys.ts';
import { wordsOf } from '../../../src/server/relay/channels.ts';
import { Relay } from '../../../src/server/relay/relay.ts';
import { RELAY_RATES, type RelayRates } from '../../../src/server/relay/relay-limits.ts';
import { eachRun } from '../../../src/udp/relay-runs.ts';

export const RELAY = pathAddress('198.51.100.1:47249');
export const SECRET = new Uint8Array(32).fill(9);
export const [ANNA, BEN, EVE] = [nodeId('a'.repeat(32)), nodeId('b'.repeat(32)), nodeId('e'.repeat(32))];
export const [AT_ANNA, AT_BEN, AT_EVE] = [
  pathAddress('203.0.113.1:1001'),
  pathAddress('[2001:db8::2]:1002'),
  pathAddress('203.0.113.3:1003'),
];

export interface Forwarded {
  readonly bytes: Uint8Array;
  readonly segment: number;
  readonly to: PathAddress;
}

/** A relay with made-up time, and what came out of it. */
export class RelayWorld {
  readonly relay: Relay;
  readonly counters = new Map<string, number>();
  readonly removed = new Set<NodeId>();
  #now = 1_000_000;
  #calls = 0;
  /** above the numbers that tests give by hand */
  #seq = 100;
  #forwarded: Forwarded[] = [];
  #answers: { readonly bytes: Uint8Array; readonly to: PathAddress }[] = [];

  constructor(walk: RelayWalk, rates: RelayRates = RELAY_RATES) {
    this.relay = new Relay(
      {
        provider: nodeProvider,
        random: (length) => nodeProvider.hkdfExpand(SECRET, Uint8Array.of(++this.#calls), length),
        relaySecret: SECRET,
        members: { isActive: (node) => !this.removed.has(node) },
        place: { overlay: [], sockets: [RELAY], allowPrivate: false, allowLoopback: false },
      },
      rates,
      {
        walk,
        forward: (arena, runs, count, ends) => {
          for (const { offset, length, segment, address, port } of eachRun(runs, count, ends)) {
            const to = formatPath(address.length === 4 ? 4 : 6, address, port);
            this.#forwarded.push({ bytes: arena.slice(offset, offset + length), segment, to });
          }
        },
        answer: (bytes, to) => void this.#answers.push({ bytes, to }),
        count: (name, by) => void this.counters.set(name, (this.counters.get(name) ?? 0) + by),
      },
      this.now,
    );
  }

  get now(): Millis {
    return millis(this.#now);
  }

  pass(milliseconds: number): void {
    this.#now += milliseconds;
    this.relay.tick(this.now);
  }

  /** A message of one sender: equal datagrams but for the last. */
  receive(datagrams: readonly Uint8Array[], from: PathAddress, isBehind = false): Forwarded[] {
    const arena = concat(new Uint8Array(5), ...datagrams);
    const rows = new Int32Array(MESSAGE.stride);
    const { family, address, port } = parsePath(from);
    rows[MESSAGE.offset] = 5;
    rows[MESSAGE.length] = arena.length - 5;
    rows[MESSAGE.segment] = datagrams[0]?.length ?? 0;
    rows[MESSAGE.family] = family;
    rows.set(wordsOf(address), MESSAGE.address);
    rows[MESSAGE.port] = port;
    this.relay.handleMessages(arena, rows, 1, isBehind, this.now);
    return this.#forwarded.splice(0);
  }

  /** A datagram through a tunnel. */
  tunnelled(bytes: Uint8Array, from: PathAddress): void {
    this.relay.handleTunnelled(bytes, from, this.now);
  }

  /** What was forwarded since it was asked last. */
  taken(): Forwarded[] {
    return this.#forwarded.splice(0);
  }

  answers() {
    return this.#answers.splice(0);
  }

  keyOf(node: NodeId): Uint8Array {
    return relayKeyOf(nodeProvider, SECRET, node);
  }

  /** A first BIND as a node makes it. */
  bindBytes(node: NodeId, channel: number, seq = ++this.#seq, challenge?: Uint8Array): Uint8Array {
    const nonce = new Uint8Array(16).fill(1);
    return encodeBind(nodeProvider, this.keyOf(node), { kind: 'bind', channel, node, seq, nonce, challenge });
  }

  /** The node's real binder against this relay: "bound", or why not. */
  bind(node: NodeId, channel: number, from: PathAddress, isTunnel = false): string {
    const random = (length: number) => new Uint8Array(length).fill(++this.#calls);
    const binder = new RelayBinder({ provider: nodeProvider, random, self: node, nextSeq: () => ++this.#seq });
    let effects = binder.bind(RELAY, channel, this.keyOf(node), this.now);
    for (let round = 0; round < 4; round++) {
      for (const effect of effects) {
        if (effect.kind === 'bound') return 'bound';
        if (effect.kind === 'unbound') return effect.cause;
        if (effect.kind !== 'send') continue;
        if (isTunnel) this.tunnelled(effect.bytes, from);
        else this.receive([effect.bytes], from);
      }
      effects = this.answers().flatMap(({ bytes }) => binder.handleDatagram(bytes, RELAY, 25_000, this.now));
    }
    return 'silence';
  }
}

/** A relayed datagram: a frame, a kind, and bytes. */
export function framed(channel: number, mark: number, length = 40, kind = 0x10): Uint8Array {
  return concat(encodeFrame(channel), Uint8Array.of(kind), new Uint8Array(length).fill(mark));
}
