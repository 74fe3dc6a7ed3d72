import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { expect } from 'vitest';
import { decodeJoinToken } from '../../../src/api/join-token.ts';
import { millis } from '../../../src/base/brands.ts';
import { type PathAddress, parsePath, pathAddress } from '../../../src/base/path-address.ts';
import { nodeProvider } from '../../../src/crypto/node-provider.ts';
import { NAT_KIND } from '../../../src/nat/constants.ts';
import { type BinderEffect, RelayBinder } from '../../../src/nat/relay-binder.ts';
import type { RouteDirection, SignalMessage } from '../../../src/nat/signal-message.ts';
import { ok } from '../../crypto/fixtures.ts';
import type { ServerProcess } from '../http/server-process.ts';
import { TestNode } from '../http/test-node.ts';
import { SignalNode } from './signal-node.ts';

interface Got {
  readonly bytes: Uint8Array;
  readonly from: PathAddress;
}

/** How a node speaks to servers: a UDP socket, or tunnels over TCP. */
export interface Wire {
  /** where others see it, as far as it knows */
  readonly at: PathAddress;
  send(bytes: Uint8Array, to: PathAddress): void;
  receive(take: (bytes: Uint8Array, from: PathAddress) => void): void;
}

/** A node at a wire of its own: the codecs and the binder are the real ones. */
export class WireNode {
  readonly signal: SignalNode;
  readonly #caPart: Uint8Array;
  readonly #wire: Wire;
  readonly #got: Got[] = [];
  #wake: () => void = () => undefined;

  constructor(identity: ReturnType<TestNode['identity']>, name: string, wire: Wire) {
    this.signal = new SignalNode(name, identity.gmsKey, identity.edSeed);
    this.#caPart = identity.caPart;
    this.#wire = wire;
    wire.receive((bytes, from) => {
      this.#got.push({ bytes, from });
      this.#wake();
    });
  }

  get at(): PathAddress {
    return this.#wire.at;
  }

  send(bytes: Uint8Array, to: PathAddress): void {
    this.#wire.send(bytes, to);
  }

  /** The next datagram of a kind. */
  async next(kind: number): Promise<Got> {
    for (;;) {
      const at = this.#got.findIndex(({ bytes }) => bytes[0] === kind);
      const [found] = at < 0 ? [] : this.#got.splice(at, 1);
      if (found) return found;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  async meet(dc: PathAddress): Promise<void> {
    this.send(this.signal.hello(this.#caPart, Math.floor(Date.now() / 1_000)), dc);
    this.signal.welcomed((await this.next(NAT_KIND.welcome)).bytes);
  }

  async say(message: SignalMessage, dc: PathAddress): Promise<SignalMessage> {
    this.send(this.signal.seal(message), dc);
    return this.hear();
  }

  async hear(): Promise<SignalMessage> {
    return this.signal.open((await this.next(NAT_KIND.signal)).bytes);
  }

  async bind(relay: PathAddress, channel: number, key: Uint8Array): Promise<void> {
    const random = (length: number) => new Uint8Array(length).fill(1);
    const deps = { provider: nodeProvider, random, self: this.signal.id, nextSeq: () => Date.now() };
    const binder = new RelayBinder(deps);
    const carry = (effects: readonly BinderEffect[]) => {
      for (const effect of effects) if (effect.kind === 'send') this.send(effect.bytes, effect.to);
      return effects;
    };
    carry(binder.bind(relay, channel, key, millis(0)));
    const challenge = await this.next(NAT_KIND.bindChallenge);
    carry(binder.handleDatagram(challenge.bytes, challenge.from, 25_000, millis(1)));
    const ack = await this.next(NAT_KIND.bindAck);
    expect(carry(binder.handleDatagram(ack.bytes, ack.from, 25_000, millis(2)))).toMatchObject([{ kind: 'bound' }]);
  }
}

/** A UDP socket on the loopback; `ending` closes it. */
export async function udpWire(ending: (() => unknown)[]): Promise<Wire> {
  const socket = createSocket('udp4');
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  ending.push(() => socket.close());
  return {
    at: pathAddress(`127.0.0.1:${socket.address().port}`),
    send: (bytes, to) => socket.send(bytes, parsePath(to).port, '127.0.0.1'),
    receive: (take) =>
      socket.on('message', (bytes, { address, port }) =>
        take(new Uint8Array(bytes), pathAddress(`${address}:${port}`)),
      ),
  };
}

/** A machine that joined the group lab, at this wire. */
export async function joined(server: ServerProcess, name: string, wire: Wire): Promise<WireNode> {
  const made = await server.local('POST', '/api/1/tokens', { user: 'alice', groups: ['lab'] });
  const machine = new TestNode(server.facts.port, name);
  expect(await machine.join(ok(decodeJoinToken(nodeProvider, String(made.body['token']))))).toBe(name);
  return new WireNode(machine.identity(), name, wire);
}

/** A direction by a relay. */
export function direction(
  message: SignalMessage,
): RouteDirection & { readonly relay: NonNullable<RouteDirection['relay']> } {
  if (message.type !== 'route-direction' || !message.relay) throw new Error(JSON.stringify(message));
  return { ...message, relay: message.relay };
}
