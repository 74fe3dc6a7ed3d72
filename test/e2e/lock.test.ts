import { setTimeout as pause } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import type { LockAnswer } from '../../src/api/lock.ts';
import type { Namespace } from '../../src/cli/lab/namespace.ts';
import type { OverlayNode } from '../../src/cli/lab/overlay.ts';
import { until } from '../../src/cli/lab/until.ts';
import { type CapturedPacket, capture } from '../netns/capture.ts';
import { fetched } from '../netns/fetched.ts';
import { ALL, hold, NOTHING, reach, reachFrom, serve } from './probes.ts';
import { reachEachOther, type ServedNodes, withServer } from './served-nodes.ts';
import { gscip, inside, PORT, pings } from './two-nodes.ts';

/** Lays a stranger beside two members, each with a program that answers everybody. */
function withStranger(body: (net: Net) => Promise<void>): Promise<void> {
  return withServer(['laptop', 'desk', 'stranger'], async (nodes) => {
    const { machines } = nodes;
    for (const name of ['server', 'laptop', 'desk', 'stranger'])
      machines.space(name).ip('addr', 'add', `fd99::${machines.ip(name).split('.').at(-1)}/64`, 'dev', 'eth0', 'nodad');
    const [laptop, desk] = [await nodes.join('laptop'), await nodes.join('desk')];
    for (const name of ['laptop', 'desk', 'stranger']) await serve(machines.space(name));
    await reachEachOther([laptop, desk]);
    await body({ nodes, laptop, desk, stranger: machines.space('stranger') });
  });
}

interface Net {
  readonly nodes: ServedNodes;
  readonly laptop: OverlayNode;
  readonly desk: OverlayNode;
  readonly stranger: Namespace;
}

/** What the laptop and the stranger hear of each other, by both IP versions. */
async function strangers({ nodes, laptop, stranger }: Net) {
  const own = laptop.namespace;
  const [out, out6, into, into6] = await Promise.all([
    reach(own, nodes.machines.ip('stranger')),
    reach(own, 'fd99::4'),
    reach(stranger, nodes.machines.ip('laptop')),
    reach(stranger, 'fd99::2'),
  ]);
  return { out, out6, into, into6 };
}

const OPEN = { out: ALL, out6: ALL, into: ALL, into6: ALL };
const SHUT = { out: NOTHING, out6: NOTHING, into: NOTHING, into6: NOTHING };

async function setMode({ nodes, laptop }: Net, mode: 'op' | 'cl'): Promise<void> {
  expect(await nodes.admin('node', 'set', 'laptop', '--mode', mode)).toMatchObject({ code: 0 });
  const wanted = mode === 'cl' ? 'closed' : 'guard';
  await until(`the lock being ${wanted}`, async () => (await laptop.status()).lock.state === wanted);
}

async function lock({ laptop }: Net, verb: 'status' | 'open' | 'close'): Promise<LockAnswer> {
  const said = await gscip(laptop.namespace, 'lock', verb, '--state', laptop.state, '--json');
  expect(said).toMatchObject({ code: 0 });
  return JSON.parse(said.stdout);
}

async function membersReach({ laptop, desk }: Net): Promise<void> {
  for (const family of [4, 6] as const) {
    expect(await reach(laptop.namespace, await inside(desk, family))).toEqual(ALL);
    expect(await reach(desk.namespace, await inside(laptop, family))).toEqual(ALL);
  }
}

const METRICS_PORT = 9_470;

/** At all addresses of the laptop, as somebody might who does not look. */
async function setMetrics({ laptop }: Net): Promise<void> {
  const said = await gscip(laptop.namespace, 'set', `metrics=:${METRICS_PORT}`, '--socket', laptop.socket);
  expect(said).toMatchObject({ code: 0 });
}

/** What the stranger is answered by both IP versions; 0: nothing. */
async function metricsInClear({ nodes, stranger }: Net): Promise<number[]> {
  const urls = [nodes.machines.ip('laptop'), '[fd99::2]'].map((host) => `http://${host}:${METRICS_PORT}/metrics`);
  return (await Promise.all(urls.map((url) => fetched(stranger, url)))).map(({ status }) => status);
}

async function killed({ laptop }: Net): Promise<void> {
  laptop.process?.signal('SIGKILL');
  await laptop.process?.exited;
}

describe('the lock of a closed node', () => {
  it(
    'E3: closes and opens live when the mode is changed at the server',
    () =>
      withStranger(async (net) => {
        const { nodes, laptop } = net;
        expect(await strangers(net)).toEqual(OPEN);
        await setMetrics(net);
        expect(await metricsInClear(net)).toEqual([200, 200]);
        const flow = hold(laptop.namespace, nodes.machines.ip('stranger'));
        await until('the flow with a stranger', () => flow.stdout().includes('clear text'));
        await setMode(net, 'cl');
        await pause(300); // an answer that came before
        const heard = flow.stdout().length;
        expect(await strangers(net)).toEqual(SHUT);
        expect(flow.stdout().length).toBe(heard);
        expect(await metricsInClear(net)).toEqual([0, 0]);
        const inOverlay = await fetched(
          net.desk.namespace,
          `http://${await inside(laptop, 4)}:${METRICS_PORT}/metrics`,
        );
        expect(inOverlay).toMatchObject({ status: 200, text: expect.stringContaining('{peer="desk"') });
        await membersReach(net);
        const status = await laptop.status();
        expect(status).toMatchObject({ node: { mode: 'cl' }, server: { connected: true }, health: [] });
        await setMode(net, 'op');
        expect(await strangers(net)).toEqual(OPEN);
        await membersReach(net);
      }),
    180_000,
  );

  it(
    'E3: stands from before the agent is up until after it is down, also when it is killed; root opens it',
    () =>
      withStranger(async (net) => {
        const { nodes, laptop, desk } = net;
        await setMode(net, 'cl');
        await killed(net);
        expect(await strangers(net)).toEqual(SHUT);
        // whoever takes the agent's port is still another program
        const server = nodes.machines.ip('server');
        expect(await reachFrom(laptop.namespace, nodes.machines.ip('stranger'), 7300, PORT)).toEqual({
          tcp: false,
          udp: false,
        });
        expect(await reachFrom(laptop.namespace, server, PORT, PORT)).toEqual({ tcp: false, udp: false });
        await nodes.again(laptop);
        await until('the members', () => pings(laptop, desk, 4, 1), { seconds: 20 });
        await membersReach(net);
        expect(await strangers(net)).toEqual(SHUT);
        const { code, stdout } = await gscip(laptop.namespace, 'down', '--socket', laptop.socket);
        expect(code).toBe(0);
        expect(stdout).toContain('This node is closed, and stays locked');
        expect(stdout).toContain(`sudo gscip lock open --state ${laptop.state}\n`);
        expect(await strangers(net)).toEqual(SHUT);
        expect(await lock(net, 'open')).toMatchObject({ kernel: 'none', openedByHand: true });
        expect(await strangers(net)).toEqual(OPEN);
        expect(await lock(net, 'close')).toMatchObject({ kernel: 'closed', openedByHand: false });
        expect(await strangers(net)).toEqual(SHUT);
      }),
    180_000,
  );

  it(
    'E3: lets nothing of the machine out but what is sealed, to the server, or of the link',
    () =>
      withStranger(async (net) => {
        const { nodes, laptop, desk } = net;
        await setMode(net, 'cl');
        const seen = await capture(nodes.machines.lab, laptop.namespace, 'eth0');
        for (const family of ['-4', '-6']) laptop.namespace.ip(family, 'neigh', 'flush', 'all');
        expect(await strangers(net)).toEqual(SHUT);
        await membersReach(net);
        await laptop.flush(true);
        await until('the members', () => pings(laptop, desk, 4, 1), { seconds: 20 });
        const sent = (await seen.stop()).flatMap((packet) => leaving(packet, nodes.machines.ip('laptop')));
        expect(sent).toContain(`udp ${PORT}`);
        expect([...new Set(sent)].filter((kind) => !ALLOWED.test(kind))).toEqual([]);
      }),
    180_000,
  );

  it(
    'leaves foreign tables alone, comes back when they are reloaded, and tells of what passes it by',
    () =>
      withStranger(async (net) => {
        const { laptop } = net;
        const nft = (text: string) => laptop.namespace.now('nft', ['-f', '-'], text);
        const rules = () => TABLES.map((table) => laptop.namespace.now('nft', ['list', 'table', ...table.split(' ')]));
        nft(FOREIGN);
        const before = rules();
        await setMode(net, 'cl');
        expect(rules()).toEqual(before);
        nft(`flush ruleset\n${FOREIGN}`);
        await until('the lock being back', async () => (await lock(net, 'status')).kernel === 'closed', {
          seconds: 15,
        });
        await until('the line in the health', async () =>
          (await laptop.status()).health.some(({ code }) => code === 'lock-restored'),
        );
        expect(rules()).toEqual(before);
        expect(await lock(net, 'open')).toMatchObject({ kernel: 'none' });
        await until(
          'the line in the health',
          async () => (await laptop.status()).health.some(({ code }) => code === 'lock-opened'),
          { seconds: 15 },
        );
        expect(rules()).toEqual(before);
      }),
    180_000,
  );
});

/** As ufw and Docker have them, in short. */
const FOREIGN = `table inet ufw {
  chain input { type filter hook input priority filter; policy accept; tcp dport 9 drop; }
}
table ip docker {
  chain forward { type filter hook forward priority filter; policy drop; iifname "docker0" accept; }
  chain postrouting { type nat hook postrouting priority srcnat; ip saddr 172.17.0.0/16 oifname != "docker0" masquerade; }
}
`
  .replaceAll('; }', '\n}')
  .replaceAll('{ ', '{\n')
  .replaceAll('; ', '\n');
const TABLES = ['inet ufw', 'ip docker'];

/** ARP; neighbours and listeners of IPv6; the node's datagrams; its connection to the server. */
const ALLOWED = new RegExp(`^(arp|icmpv6 (133|135|136|143)|udp ${PORT}|tcp to ${PORT})$`);

const [ETHERTYPE, IP] = [12, 14];

/** What an Ethernet frame from this machine is; nothing for what comes in. */
function leaving({ bytes }: CapturedPacket, own: string): string[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const type = view.getUint16(ETHERTYPE);
  if (type === 0x0806) return ['arp'];
  if (type === 0x86dd) {
    if (!isOwn6(bytes)) return [];
    const next = bytes[IP + 6] === 0 ? bytes[IP + 40] : bytes[IP + 6];
    const at = IP + 40 + (bytes[IP + 6] === 0 ? 8 : 0);
    return [next === 58 ? `icmpv6 ${bytes[at]}` : `ipv6 ${next}`];
  }
  if ([...bytes.subarray(IP + 12, IP + 16)].join('.') !== own) return [];
  const protocol = bytes[IP + 9];
  if (protocol === 17) return [`udp ${view.getUint16(IP + 20)}`];
  return [protocol === 6 ? `tcp to ${view.getUint16(IP + 22)}` : `ipv4 ${protocol}`];
}

/** fd99::2; a link-local address is of the link in any case. */
function isOwn6(bytes: Uint8Array): boolean {
  return bytes[IP + 8] === 0xfd && bytes[IP + 23] === 2;
}
