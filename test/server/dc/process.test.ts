import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { decodeJoinToken } from '../../../src/api/join-token.ts';
import { millis } from '../../../src/base/brands.ts';
import { type PathAddress, parsePath, pathAddress } from '../../../src/base/path-address.ts';
import { nodeProvider } from '../../../src/crypto/node-provider.ts';
import { NAT_KIND } from '../../../src/nat/constants.ts';
import { UNKNOWN_NAT } from '../../../src/nat/nat-kind.ts';
import { decodeReflect, encodeReflect } from '../../../src/nat/reflect.ts';
import { type BinderEffect, RelayBinder } from '../../../src/nat/relay-binder.ts';
import type { RouteDirection, SignalMessage } from '../../../src/nat/signal-message.ts';
import { ok } from '../../crypto/fixtures.ts';
import { ServerProcess } from '../http/server-process.ts';
import { TestNode } from '../http/test-node.ts';
import { framed } from '../relay/relay-world.ts';
import { SignalNode } from './signal-node.ts';

const top = mkdtempSync(join(tmpdir(), 'gscip-dc-'));
const ending: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ending.splice(0)) await end();
});
afterAll(() => rmSync(top, { recursive: true }));

interface Got {
  readonly bytes: Uint8Array;
  readonly from: PathAddress;
}

/** A node at a UDP socket of its own: the codecs and the binder are the real ones. */
class UdpNode {
  readonly signal: SignalNode;
  readonly #caPart: Uint8Array;
  readonly #socket: Socket;
  readonly #got: Got[] = [];
  #wake: () => void = () => undefined;

  constructor(identity: ReturnType<TestNode['identity']>, name: string, socket: Socket) {
    this.signal = new SignalNode(name, identity.gmsKey, identity.edSeed);
    this.#caPart = identity.caPart;
    this.#socket = socket;
    socket.on('message', (bytes, { address, port }) => {
      this.#got.push({ bytes: new Uint8Array(bytes), from: pathAddress(`${address}:${port}`) });
      this.#wake();
    });
  }

  get at(): PathAddress {
    return pathAddress(`127.0.0.1:${this.#socket.address().port}`);
  }

  send(bytes: Uint8Array, to: PathAddress): void {
    this.#socket.send(bytes, parsePath(to).port, '127.0.0.1');
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

async function started() {
  const state = join(mkdtempSync(join(top, 's-')), 'state');
  const server = await ServerProcess.start({ state, roles: 'as,gms,dc,relay' });
  ending.push(() => server.end('SIGKILL'));
  const { udp } = server.facts;
  if (udp === undefined) throw new Error('no UDP');
  const at = (port: number) => pathAddress(`127.0.0.1:${port}`);
  return { server, dc: at(udp.dc), spare: at(udp.spare), relay: at(udp.relay) };
}

async function joined(server: ServerProcess, name: string): Promise<UdpNode> {
  const made = await server.local('POST', '/api/1/tokens', { user: 'alice', groups: ['lab'] });
  const machine = new TestNode(server.facts.port, name);
  expect(await machine.join(ok(decodeJoinToken(nodeProvider, String(made.body['token']))))).toBe(name);
  const socket = createSocket('udp4');
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  ending.push(() => socket.close());
  return new UdpNode(machine.identity(), name, socket);
}

function direction(message: SignalMessage): RouteDirection & { readonly relay: NonNullable<RouteDirection['relay']> } {
  if (message.type !== 'route-direction' || !message.relay) throw new Error(JSON.stringify(message));
  return { ...message, relay: message.relay };
}

describe('a server with the roles dc and relay', { timeout: 60_000 }, () => {
  it.each([
    ['by the addon', undefined],
    ['by Node alone', '1'],
  ])('brings two nodes together over UDP, and relays between them, %s', async (_, without) => {
    if (without === undefined) delete process.env['GSCIP_WITHOUT_ADDON'];
    else process.env['GSCIP_WITHOUT_ADDON'] = without;
    const { server, dc, spare, relay } = await started();
    delete process.env['GSCIP_WITHOUT_ADDON'];
    await server.local('POST', '/api/1/users', { name: 'alice' });
    await server.local('POST', '/api/1/groups', { name: 'lab' });
    const [anna, ben] = [await joined(server, 'anna'), await joined(server, 'ben')];

    const asked = new TestNode(server.facts.port, 'carol');
    const made = await server.local('POST', '/api/1/tokens', { user: 'alice', groups: ['lab'] });
    await asked.join(ok(decodeJoinToken(nodeProvider, String(made.body['token']))));
    asked.connect();
    expect((await asked.message('services')).coordinators).toEqual([
      { key: asked.identity().gmsKey, endpoints: [dc], tunnels: [`127.0.0.1:${server.facts.port}`] },
    ]);
    asked.end();

    const keys = new Map<UdpNode, Uint8Array>();
    for (const node of [anna, ben]) {
      await node.meet(dc);
      const candidates = [{ kind: 'host', address: node.at, seen: false }] as const;
      const registered = await node.say({ type: 'register', seq: 1, nat: UNKNOWN_NAT, candidates, relays: [] }, dc);
      if (registered.type !== 'registered') throw new Error(registered.type);
      expect(registered).toMatchObject({ seen: node.at, vantages: [dc, spare], relays: [{ address: relay }] });
      keys.set(node, registered.relays[0].key);

      const { ticket, reflectKey } = registered;
      const question = { kind: 'question', from: 'other-port', ticket, nonce: new Uint8Array(12), delay: 0 } as const;
      node.send(encodeReflect(nodeProvider, reflectKey, question), dc);
      const reflected = await node.next(NAT_KIND.reflected);
      expect(reflected.from).toBe(spare);
      expect(decodeReflect(reflected.bytes)).toMatchObject({ kind: 'answer', seen: node.at });
    }

    const target = { kind: 'node', node: ben.signal.id } as const;
    anna.send(anna.signal.seal({ type: 'direction-request', request: 9, target }), dc);
    const atBen = direction(await ben.hear());
    const { pathId } = atBen;
    ben.send(ben.signal.seal({ type: 'ack', pathId, status: 'ready', nat: UNKNOWN_NAT, candidates: [] }), dc);
    const atAnna = direction(await anna.hear());
    expect(atAnna).toMatchObject({ request: 9, pathId, tempKey: atBen.tempKey, relay: atBen.relay });
    expect(atAnna.candidates).toEqual([{ kind: 'host', address: ben.at, seen: true }]);

    const { address, channel } = atAnna.relay;
    expect(address).toBe(relay);
    for (const node of [anna, ben]) await node.bind(address, channel, keys.get(node) ?? new Uint8Array(32));
    for (const [from, to] of [
      [anna, ben],
      [ben, anna],
    ] as const) {
      for (let mark = 0; mark < 20; mark++) from.send(framed(channel, mark, 1_200), relay);
      for (let mark = 0; mark < 20; mark++) {
        const frame = await to.next(0x20);
        expect(frame.from).toBe(relay);
        expect(frame.bytes).toEqual(framed(channel, mark, 1_200));
      }
    }

    const { text } = await server.local('GET', '/metrics');
    expect(text).toContain('\ngscip_server_dc_nodes 2\n');
    expect(text).toContain('\ngscip_server_relay_datagrams_total 40\n');
    expect((await server.local('DELETE', '/api/1/nodes/ben')).status).toBe(200);
    const after = (await server.local('GET', '/metrics')).text;
    expect(after).toContain('\ngscip_server_dc_nodes 1\n');
    expect(after).toContain('\ngscip_server_relay_channels 0\n');
    expect(await server.end()).toBe(0);
  });
});
