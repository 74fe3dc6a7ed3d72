import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { type PathAddress, pathAddress } from '../../../src/base/path-address.ts';
import { UNKNOWN_NAT } from '../../../src/nat/nat-kind.ts';
import type { RelayPlace, SignalMessage } from '../../../src/nat/signal-message.ts';
import { direction, joined, udpWire, type WireNode } from '../dc/wire-node.ts';
import { ServerProcess } from '../http/server-process.ts';
import { framed } from '../relay/relay-world.ts';

const SCRIPT = fileURLToPath(new URL('run-relay.ts', import.meta.url));
const top = mkdtempSync(join(tmpdir(), 'gscip-relay-'));
const ending: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ending.splice(0).reverse()) await end();
});
afterAll(() => rmSync(top, { recursive: true }));

interface RelayProcess {
  readonly child: ChildProcess;
  readonly at: PathAddress;
}

/** A relay as a process; without a token it takes the one that its folder keeps. */
async function startRelay(state: string, token?: string): Promise<RelayProcess> {
  const options = { state, listen: '127.0.0.1:0', ...(token !== undefined && { token }) };
  const child = spawn(process.execPath, [SCRIPT, JSON.stringify(options)], { stdio: ['ignore', 'pipe', 'ignore'] });
  ending.push(() => child.kill('SIGKILL'));
  const [line] = await once(createInterface({ input: child.stdout }), 'line');
  return { child, at: pathAddress(`127.0.0.1:${JSON.parse(line).port}`) };
}

/** Waits until the server lists so many connected relays. */
async function connected(server: ServerProcess, count: number): Promise<void> {
  for (;;) {
    const { text } = await server.local('GET', '/api/1/relays');
    if ((text.match(/"connected":true/g) ?? []).length === count) return;
  }
}

async function register(node: WireNode, dc: PathAddress, seq: number): Promise<readonly RelayPlace[]> {
  node.send(node.signal.seal({ type: 'register', seq, nat: UNKNOWN_NAT, candidates: [], relays: [] }), dc);
  const answer = await heard(node, 'registered', (message) => message.seq === seq);
  return answer.relays;
}

async function heard<T extends SignalMessage['type']>(
  node: WireNode,
  type: T,
  fits: (message: SignalMessage & { readonly type: T }) => boolean = () => true,
): Promise<SignalMessage & { readonly type: T }> {
  const isIt = (message: SignalMessage): message is SignalMessage & { readonly type: T } => message.type === type;
  for (;;) {
    const message = await node.hear();
    if (isIt(message) && fits(message)) return message;
  }
}

/** The two are directed to each other; gives the relay and the channel. */
async function directed(anna: WireNode, ben: WireNode, dc: PathAddress, request: number) {
  const target = { kind: 'node', node: ben.signal.id } as const;
  anna.send(anna.signal.seal({ type: 'direction-request', request, target }), dc);
  const { pathId } = await heard(ben, 'route-direction');
  ben.send(ben.signal.seal({ type: 'ack', pathId, status: 'ready', nat: UNKNOWN_NAT, candidates: [] }), dc);
  // told at once, and again behind the answer
  await heard(anna, 'route-direction');
  return direction(await heard(anna, 'route-direction')).relay;
}

async function exchange(from: WireNode, to: WireNode, relay: PathAddress, channel: number): Promise<void> {
  for (let mark = 0; mark < 10; mark++) from.send(framed(channel, mark, 1_200), relay);
  for (let mark = 0; mark < 10; mark++)
    expect(await to.next(0x20)).toEqual({ bytes: framed(channel, mark, 1_200), from: relay });
}

describe('relays on machines of their own', { timeout: 120_000 }, () => {
  it('carry what the coordinator of a server directs to them; when one dies the other does, and it comes back by its folder', async () => {
    const state = join(mkdtempSync(join(top, 's-')), 'state');
    const server = await ServerProcess.start({ state, roles: 'as,gms,dc' });
    ending.push(() => server.end('SIGKILL'));
    await server.local('POST', '/api/1/users', { name: 'alice' });
    await server.local('POST', '/api/1/groups', { name: 'lab' });
    const servers = [`127.0.0.1:${server.facts.port}`];
    const start = async (name: string) => {
      const made = await server.local('POST', '/api/1/relays', { name, servers });
      return startRelay(join(top, name), String(made.body['token']));
    };
    const [paris, oslo] = [await start('paris'), await start('oslo')];
    await connected(server, 2);

    const dc = pathAddress(`127.0.0.1:${server.facts.udp?.dc}`);
    const [anna, ben] = [
      await joined(server, 'anna', await udpWire(ending)),
      await joined(server, 'ben', await udpWire(ending)),
    ];
    const keys = new Map<WireNode, readonly RelayPlace[]>();
    for (const node of [anna, ben]) {
      await node.meet(dc);
      const relays = await register(node, dc, 1);
      expect(new Set(relays.map(({ address }) => address))).toEqual(new Set([paris.at, oslo.at]));
      keys.set(node, relays);
    }
    const bind = async (node: WireNode, relay: PathAddress, channel: number) => {
      const key = keys.get(node)?.find(({ address }) => address === relay)?.key;
      await node.bind(relay, channel, key ?? new Uint8Array(32));
    };
    const first = await directed(anna, ben, dc, 1);
    for (const node of [anna, ben]) await bind(node, first.address, first.channel);
    await exchange(anna, ben, first.address, first.channel);
    await exchange(ben, anna, first.address, first.channel);

    const [dead, alive] = first.address === paris.at ? [paris, oslo] : [oslo, paris];
    dead.child.kill('SIGKILL');
    await connected(server, 1);
    const second = await directed(anna, ben, dc, 2);
    expect(second.address).toBe(alive.at);
    for (const node of [anna, ben]) await bind(node, second.address, second.channel);
    await exchange(anna, ben, second.address, second.channel);

    // by what its folder keeps, and with the channels of before
    const again = await startRelay(join(top, dead === paris ? 'paris' : 'oslo'));
    await connected(server, 2);
    keys.set(anna, await register(anna, dc, 2));
    await bind(anna, again.at, first.channel);

    expect((await server.local('DELETE', '/api/1/relays/paris')).status).toBe(200);
    await connected(server, 1);
    expect(await register(anna, dc, 3)).toHaveLength(1);
  });
});
