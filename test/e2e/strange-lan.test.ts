import { expect, it } from 'vitest';
import type { ExplainAnswer } from '../../src/api/questions.ts';
import { type Lab, withLab } from '../../src/cli/lab/lab.ts';
import type { Namespace } from '../../src/cli/lab/namespace.ts';
import { ensureBuilt, Overlay } from '../../src/cli/lab/overlay.ts';
import { until } from '../../src/cli/lab/until.ts';
import { capture } from '../netns/capture.ts';
import { ipPackets, withAddresses } from './seen-frames.ts';

const GROUP = 'office';
const LAN = '192.168.7.0/24';
/** The terminal behind the gateway, and on the other LAN a stranger who has its address. */
const [ROUTER, MEMBER, TERMINAL] = ['192.168.7.1', '192.168.7.5', '192.168.7.10'];
const [MEMBER_HEX, TERMINAL_HEX] = ['c0a80705', 'c0a8070a'];

/**
 * Two LANs with the same addresses, of which only the first one's router is a GEN:
 *
 *   terminal .10 ── 192.168.7.0/24 ── [lan .1] gate [wan 10.99.0.1] ── wire ── [out 10.99.0.2, NAT] cafe [in .1] ── 192.168.7.0/24 ─┬─ member .5
 *                                                                                                                                 └─ stranger .10
 */
function twoLans(lab: Lab) {
  ensureBuilt();
  const [gate, terminal, member, stranger] = ['gate', 't', 'm', 's'].map((name) => lab.namespace(name));
  const cafe = lab.router('cafe');
  if (!gate || !terminal || !member || !stranger) throw new Error('four namespaces');
  const overlay = new Overlay(lab, [GROUP], { nice: 0 });
  const router = overlay.add('gate', gate, { type: 'gen', groups: [GROUP], routes: [LAN] });
  const node = overlay.add('m', member, { groups: [GROUP] });
  overlay.rewriteBundles();
  lab.link(
    { namespace: gate, device: 'wan', addresses: ['10.99.0.1/24'] },
    { namespace: cafe, device: 'out', addresses: ['10.99.0.2/24'] },
  );
  const home = lab.bridge('home', [
    { namespace: gate, device: 'lan', addresses: [`${ROUTER}/24`] },
    { namespace: terminal, device: 'eth0', addresses: [`${TERMINAL}/24`] },
  ]);
  lab.bridge('strange', [
    { namespace: cafe, device: 'in', addresses: [`${ROUTER}/24`] },
    { namespace: member, device: 'eth0', addresses: [`${MEMBER}/24`] },
    { namespace: stranger, device: 'eth0', addresses: [`${TERMINAL}/24`] },
  ]);
  for (const each of [terminal, member, stranger]) each.route('default', ROUTER);
  const nat =
    'table ip nat {\n chain post {\n type nat hook postrouting priority srcnat\n oifname "out" masquerade\n }\n}\n';
  cafe.now('nft', ['-f', '-'], nat);
  router.start({ listen: '47247' });
  const start = (...extra: readonly string[]) =>
    node.start({ listen: '47247', peers: [{ name: 'gate', at: '10.99.0.1:47247' }], extra });
  return { lab, home, router, node, member, stranger, terminal, start };
}

const pings = async (from: Namespace, to: string) =>
  (await from.attempt(['ping', '-c', '1', '-W', '1', to], { seconds: 10 })).code === 0;

it(
  'C1: a member on a strange LAN with the addresses of its own speaks with nobody there in clear but the router, and loses no network',
  () =>
    withLab(async (lab) => {
      const { router, node, member, stranger, terminal, start } = twoLans(lab);
      start();
      await Promise.all([router.ready(), node.ready()]);
      const codes = async () => (await node.status()).health.map(({ code }) => code);
      await until('the line in the health', async () => (await codes()).includes('lan-not-proved'));
      const gate = await router.address();
      await until('the overlay, past the strange LAN', () => pings(member, gate), { seconds: 20 });
      // the connected network is not taken away: its route stands, and its router answers
      expect(member.ip('route', 'get', TERMINAL)).toMatch(/dev eth0/);
      expect(await pings(member, ROUTER)).toBe(true);

      const seen = await Promise.all([capture(lab, stranger, 'eth0'), capture(lab, terminal, 'eth0')]);
      expect(await pings(member, TERMINAL)).toBe(false);
      expect(await pings(stranger, MEMBER)).toBe(false);
      expect(await pings(stranger, ROUTER)).toBe(true);
      const [there, atHome] = seen.map((each) => () => ipPackets(each.packets()));
      if (!there || !atHome) throw new Error('two captures');
      // its own three: a question to the member, one to the router, and the answer
      await until('the captures', () => withAddresses(there(), TERMINAL_HEX).length >= 3);
      await Promise.all(seen.map((each) => each.stop()));
      expect(there().filter(({ source }) => source === MEMBER_HEX)).toEqual([]);
      expect(withAddresses(atHome(), MEMBER_HEX, '6440')).toEqual([]);

      const flow = { source: 'm', destination: TERMINAL, protocol: 1, port: 0 };
      const said = await node.ask<ExplainAnswer>({ verb: 'explain', flow });
      expect([said.destination.node, said.now?.blocked?.reason]).toEqual(['gate', 'lan-not-proved']);
      await node.status(); // looks at the counters
      const counted = async () =>
        [...(await node.metrics())].some(([name, value]) => name.includes('guard-lan-not-proved') && value >= 2);
      await until('the counter', counted);
      node.process?.signal('SIGTERM');
      await node.process?.exited;
      expect(await member.run(['nft', 'list', 'tables'])).toBe('');
      expect(await pings(member, TERMINAL)).toBe(true);
    }),
  120_000,
);

it(
  'is at home where the administrator of the machine says so',
  () =>
    withLab(async (lab) => {
      const { node, member, stranger, start } = twoLans(lab);
      start('--home', LAN);
      await node.ready();
      expect([await pings(member, TERMINAL), await pings(stranger, MEMBER)]).toEqual([true, true]);
      expect((await node.status()).health.map(({ code }) => code)).not.toContain('lan-not-proved');
      const flow = { source: 'm', destination: TERMINAL, protocol: 1, port: 0 };
      const said = await node.ask<ExplainAnswer>({ verb: 'explain', flow });
      expect(said.elements.map(({ name, action }) => [name, action])).toEqual([['m', 'RELAY-P']]);
    }),
  120_000,
);

it(
  'C1, C5: a member in the network behind its own GEN speaks with its neighbours directly, since the router proves whose network it is',
  () =>
    withLab(async (lab) => {
      const { home, router, node, member, terminal, start } = twoLans(lab);
      // home: the same machine on the other wire, with the addresses that it had
      member.ip('link', 'del', 'eth0');
      lab.link(
        { namespace: member, device: 'eth0', addresses: [`${MEMBER}/24`] },
        { namespace: home, device: 'port9' },
      );
      home.ip('link', 'set', 'port9', 'master', 'br0');
      member.route('default', ROUTER);
      start();
      await Promise.all([router.ready(), node.ready()]);
      const codes = async () => (await node.status()).health.map(({ code }) => code);
      await until('the proof', async () => !(await codes()).includes('lan-not-proved') && pings(member, TERMINAL));
      const seen = await capture(lab, terminal, 'eth0');
      expect([await pings(member, TERMINAL), await pings(terminal, MEMBER)]).toEqual([true, true]);
      await until('the capture', () => withAddresses(ipPackets(seen.packets()), MEMBER_HEX).length >= 4);
      await seen.stop();
      const said = await node.ask<ExplainAnswer>({
        verb: 'explain',
        flow: { source: 'm', destination: TERMINAL, protocol: 1, port: 0 },
      });
      expect(said.elements.map(({ name, action }) => [name, action])).toEqual([['m', 'RELAY-P']]);
      expect(node.process?.stderr()).toContain('"lan-proved"');
      // and the GEN by its overlay address, sealed
      const gate = await router.address();
      await until('the GEN by the overlay', () => pings(member, gate), { seconds: 20 });
    }),
  120_000,
);
