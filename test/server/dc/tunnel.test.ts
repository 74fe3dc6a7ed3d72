import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { millis } from '../../../src/base/brands.ts';
import { type PathAddress, pathAddress } from '../../../src/base/path-address.ts';
import { nodeProvider } from '../../../src/crypto/node-provider.ts';
import { CONNECTION_LIMITS } from '../../../src/http/connection-guard.ts';
import { NAT_KIND } from '../../../src/nat/constants.ts';
import { UNKNOWN_NAT } from '../../../src/nat/nat-kind.ts';
import { encodeReflect } from '../../../src/nat/reflect.ts';
import { isTunnelPath } from '../../../src/nat/tunnel-address.ts';
import { TunnelShell } from '../../../src/node/tunnel-shell.ts';
import { ServerProcess } from '../http/server-process.ts';
import { framed } from '../relay/relay-world.ts';
import { direction, joined, udpWire, type Wire, type WireNode } from './wire-node.ts';

const top = mkdtempSync(join(tmpdir(), 'gscip-tunnel-'));
const ending: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ending.splice(0).reverse()) await end();
});
afterAll(() => rmSync(top, { recursive: true }));

async function started(roles = 'as,gms,dc,relay', limits = CONNECTION_LIMITS) {
  const state = join(mkdtempSync(join(top, 's-')), 'state');
  const server = await ServerProcess.start({ state, roles, limits });
  ending.push(() => server.end('SIGKILL'));
  await server.local('POST', '/api/1/users', { name: 'alice' });
  await server.local('POST', '/api/1/groups', { name: 'lab' });
  const at = (port = 1) => pathAddress(`127.0.0.1:${port}`);
  return { server, dc: at(server.facts.udp?.dc), relay: at(server.facts.udp?.relay) };
}

/** A machine without UDP: its datagrams go through a tunnel. */
function tunnelWire(port: number): Wire & { readonly events: string[]; readonly down: Promise<void> } {
  const events: string[] = [];
  let take: (bytes: Uint8Array, from: PathAddress) => void = () => undefined;
  const fallen = Promise.withResolvers<void>();
  const shell = new TunnelShell(
    [`127.0.0.1:${port}`],
    { now: () => millis(performance.now()), random: (length) => new Uint8Array(length) },
    {
      datagram: (bytes, from) => take(bytes, from),
      up: () => events.push('up'),
      down: () => {
        events.push('down');
        fallen.resolve();
      },
      count: (name) => events.push(name),
    },
  );
  shell.want();
  ending.push(() => shell.unwant());
  return {
    ...{ events, down: fallen.promise, at: pathAddress('10.9.8.7:1') },
    send: (bytes, to) => shell.send(bytes, to),
    receive: (act) => {
      take = act;
    },
  };
}

/** In session, and registered; gives the key of the relay. */
async function registered(node: WireNode, dc: PathAddress) {
  await node.meet(dc);
  const candidates = [{ kind: 'host', address: node.at, seen: false }] as const;
  const answer = await node.say({ type: 'register', seq: 1, nat: UNKNOWN_NAT, candidates, relays: [] }, dc);
  if (answer.type !== 'registered') throw new Error(answer.type);
  return answer;
}

/** How the server ends a connection to this path after these messages. */
function endOf(port: number, path: string, messages: readonly (string | Uint8Array)[] = []): Promise<number | string> {
  const socket = new WebSocket(`wss://127.0.0.1:${port}${path}`, { rejectUnauthorized: false });
  ending.push(() => socket.terminate());
  return new Promise((resolve) => {
    socket.on('open', () => {
      for (const message of messages) socket.send(message);
    });
    socket.on('close', (code) => resolve(code));
    socket.on('error', ({ message }) => resolve(message));
  });
}

describe('a node without UDP', { timeout: 60_000 }, () => {
  it('is brought together with another, and speaks to it by the relay, in one TCP connection', async () => {
    const { server, dc, relay } = await started();
    const wire = tunnelWire(server.facts.port);
    const [anna, ben] = [await joined(server, 'anna', await udpWire(ending)), await joined(server, 'ben', wire)];
    const keys = new Map<WireNode, Uint8Array>();
    for (const node of [anna, ben]) {
      const { seen, relays, ticket, reflectKey } = await registered(node, dc);
      expect(seen !== undefined && isTunnelPath(seen)).toBe(node === ben);
      keys.set(node, relays[0].key);
      const question = { kind: 'question', from: 'asked', ticket, nonce: new Uint8Array(12), delay: 0 } as const;
      node.send(encodeReflect(nodeProvider, reflectKey, question), dc);
      expect((await node.next(NAT_KIND.reflected)).from).toBe(dc);
    }

    const target = { kind: 'node', node: ben.signal.id } as const;
    anna.send(anna.signal.seal({ type: 'direction-request', request: 9, target }), dc);
    const { pathId } = direction(await ben.hear());
    ben.send(ben.signal.seal({ type: 'ack', pathId, status: 'ready', nat: UNKNOWN_NAT, candidates: [] }), dc);
    const { address, channel } = direction(await anna.hear()).relay;
    expect(address).toBe(relay);
    for (const node of [anna, ben]) await node.bind(relay, channel, keys.get(node) ?? new Uint8Array(32));
    for (const [from, to] of [
      [anna, ben],
      [ben, anna],
    ] as const) {
      for (let mark = 0; mark < 20; mark++) from.send(framed(channel, mark, 1_400), relay);
      for (let mark = 0; mark < 20; mark++)
        expect(await to.next(0x20)).toEqual({ bytes: framed(channel, mark, 1_400), from: relay });
    }
    expect(wire.events).toEqual(['up']);
    const { text } = await server.local('GET', '/metrics');
    expect(text).toContain('\ngscip_server_tunnels 1\n');
    expect(text).toContain('\ngscip_server_relay_datagrams_total 40\n');
    expect(await server.end()).toBe(0);
    await wire.down;
  });

  it('keeps its tunnel only when it proves who it is', async () => {
    const { server, dc } = await started(undefined, { ...CONNECTION_LIMITS, opening: 3_000 });
    const ben = await joined(server, 'ben', tunnelWire(server.facts.port));
    await registered(ben, dc);
    const noise = new Uint8Array(300).fill(0x31);
    expect(await endOf(server.facts.port, '/datagrams/1', [noise, noise])).toBe(1008);
    // ben's is older, and still there
    expect(await ben.say({ type: 'keep-alive', seq: 4 }, dc)).toMatchObject({ type: 'kept', seq: 4 });
    const { text } = await server.local('GET', '/metrics');
    expect(text).toContain('event="tunnel-unproved"} 1\n');
    expect(text).toMatch(/event="dc-hello-\w+"\} 2\n/);
  });

  it.each([
    ['text', ['hello'], 1003],
    ['what is longer than any datagram', [new Uint8Array(9_217)], 1009],
  ])('is cut off when it sends %s', async (_, messages, code) => {
    const { server } = await started();
    expect(await endOf(server.facts.port, '/datagrams/1', messages)).toBe(code);
  });

  it('finds no tunnel on a server without a coordinator, nor at another path', async () => {
    const [with_, without] = [await started(), await started('as,gms')];
    expect(await endOf(without.server.facts.port, '/datagrams/1')).toContain('404');
    expect(await endOf(with_.server.facts.port, '/datagrams/2')).toContain('404');
  });
});
