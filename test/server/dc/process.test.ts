import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { decodeJoinToken } from '../../../src/api/join-token.ts';
import { pathAddress } from '../../../src/base/path-address.ts';
import { nodeProvider } from '../../../src/crypto/node-provider.ts';
import { NAT_KIND } from '../../../src/nat/constants.ts';
import { UNKNOWN_NAT } from '../../../src/nat/nat-kind.ts';
import { decodeReflect, encodeReflect } from '../../../src/nat/reflect.ts';
import { ok } from '../../crypto/fixtures.ts';
import { ServerProcess } from '../http/server-process.ts';
import { TestNode } from '../http/test-node.ts';
import { framed } from '../relay/relay-world.ts';
import { direction, joined, udpWire, type WireNode } from './wire-node.ts';

const top = mkdtempSync(join(tmpdir(), 'gscip-dc-'));
const ending: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ending.splice(0)) await end();
});
afterAll(() => rmSync(top, { recursive: true }));

async function started() {
  const state = join(mkdtempSync(join(top, 's-')), 'state');
  const server = await ServerProcess.start({ state, roles: 'as,gms,dc,relay', otherAddress: '127.0.0.2' });
  ending.push(() => server.end('SIGKILL'));
  const { udp } = server.facts;
  if (udp === undefined) throw new Error('no UDP');
  const at = (port: number) => pathAddress(`127.0.0.1:${port}`);
  return {
    server,
    dc: at(udp.dc),
    spare: at(udp.spare),
    relay: at(udp.relay),
    elsewhere: pathAddress(`127.0.0.2:${udp.dc}`),
  };
}

describe('a server with the roles dc and relay', { timeout: 60_000 }, () => {
  it.each([
    ['by the addon', undefined],
    ['by Node alone', '1'],
  ])('brings two nodes together over UDP, and relays between them, %s', async (_, without) => {
    if (without === undefined) delete process.env['GSCIP_WITHOUT_ADDON'];
    else process.env['GSCIP_WITHOUT_ADDON'] = without;
    const { server, dc, spare, relay, elsewhere } = await started();
    delete process.env['GSCIP_WITHOUT_ADDON'];
    await server.local('POST', '/api/1/users', { name: 'alice' });
    await server.local('POST', '/api/1/groups', { name: 'lab' });
    const [anna, ben] = [
      await joined(server, 'anna', await udpWire(ending)),
      await joined(server, 'ben', await udpWire(ending)),
    ];

    const asked = new TestNode(server.facts.port, 'carol');
    const made = await server.local('POST', '/api/1/tokens', { user: 'alice', groups: ['lab'] });
    await asked.join(ok(decodeJoinToken(nodeProvider, String(made.body['token']))));
    asked.connect();
    expect((await asked.message('services')).coordinators).toEqual([
      { key: asked.identity().gmsKey, endpoints: [dc], tunnels: [`127.0.0.1:${server.facts.port}`] },
    ]);
    asked.end();

    const keys = new Map<WireNode, Uint8Array>();
    for (const node of [anna, ben]) {
      await node.meet(dc);
      const candidates = [{ kind: 'host', address: node.at, seen: false }] as const;
      const registered = await node.say({ type: 'register', seq: 1, nat: UNKNOWN_NAT, candidates, relays: [] }, dc);
      if (registered.type !== 'registered') throw new Error(registered.type);
      expect(registered).toMatchObject({
        seen: node.at,
        vantages: [dc, elsewhere, spare],
        relays: [{ address: relay }],
      });
      keys.set(node, registered.relays[0].key);

      const { ticket, reflectKey } = registered;
      for (const [from, by] of [
        ['other-port', spare],
        ['other-address', elsewhere],
      ] as const) {
        const question = { kind: 'question', from, ticket, nonce: new Uint8Array(12), delay: 0 } as const;
        node.send(encodeReflect(nodeProvider, reflectKey, question), dc);
        const reflected = await node.next(NAT_KIND.reflected);
        expect(reflected.from).toBe(by);
        expect(decodeReflect(reflected.bytes)).toMatchObject({ kind: 'answer', seen: node.at });
      }
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
