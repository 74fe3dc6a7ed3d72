import { expect, it } from 'vitest';
import { parseAddress } from '../../src/base/ip-address.ts';
import { withLab } from '../../src/cli/lab/lab.ts';
import { ensureBuilt, Overlay } from '../../src/cli/lab/overlay.ts';
import { until } from '../../src/cli/lab/until.ts';
import { capture } from '../netns/capture.ts';
import { ALL, reach, serve } from './probes.ts';
import { ipPackets, withAddresses } from './seen-frames.ts';

const [GATE, MEMBER, TERMINAL] = ['192.168.7.1', '192.168.7.5', '192.168.7.10'];

const hexOf = (address: string) => Buffer.from(parseAddress(address) ?? []).toString('hex');

/**
 *   terminal .10 ─┬─ 192.168.7.0/24, fd07::/64 ── .1 gate, their GEN
 *   member .5 ────┘
 */
it(
  'a terminal and a member in the network behind its own GEN talk by the overlay addresses of the member, too: sealed between GEN and member, both ways',
  () =>
    withLab(async (lab) => {
      ensureBuilt();
      const [gate, terminal, member] = [lab.router('gate'), lab.namespace('t'), lab.namespace('m')];
      const overlay = new Overlay(lab, ['office'], { nice: 0 });
      const routes = ['192.168.7.0/24', 'fd07::/64'];
      const router = overlay.add('gate', gate, { type: 'gen', groups: ['office'], routes });
      const node = overlay.add('m', member, { groups: ['office'] });
      overlay.rewriteBundles();
      lab.bridge('lan', [
        { namespace: gate, device: 'lan', addresses: [`${GATE}/24`, 'fd07::1/64'] },
        { namespace: member, device: 'eth0', addresses: [`${MEMBER}/24`, 'fd07::5/64'] },
        { namespace: terminal, device: 'eth0', addresses: [`${TERMINAL}/24`, 'fd07::10/64'] },
      ]);
      for (const each of [terminal, member]) for (const address of [GATE, 'fd07::1']) each.route('default', address);
      router.start({ listen: '47247' });
      node.start({ listen: '47247', peers: [{ name: 'gate', at: `${GATE}:47247` }] });
      await Promise.all([router.ready(), node.ready()]);
      const isHome = async () => {
        const { elements, health } = await node.status();
        return elements.above !== null && health.every(({ code }) => code !== 'lan-not-proved');
      };
      await until('the proof', isHome, { seconds: 30, everyMs: 100 });
      await Promise.all([serve(member), serve(terminal)]);
      const seen = await capture(lab, member, 'eth0');
      const { addresses } = (await node.status()).node;
      const inside = addresses.map((address) => address.replace(/\/\d+$/, ''));
      expect(inside).toHaveLength(2);
      for (const address of inside) {
        expect(await reach(terminal, address), `terminal to ${address}`).toEqual(ALL);
        const own = address.includes(':') ? 'fd07::10' : TERMINAL;
        expect(await reach(member, own, { from: address }), `${address} to terminal`).toEqual(ALL);
      }
      for (const address of [MEMBER, 'fd07::5'])
        expect(await reach(terminal, address), `terminal to ${address}`).toEqual(ALL);
      // nor where no route of the overlay leads
      for (const [at, stranger] of ['203.0.113.9', '2001:db8:9::9'].entries()) {
        const words = ['ping', '-c', '1', '-W', '1', '-I', inside[at] ?? '', stranger];
        expect((await member.attempt(words)).code).not.toBe(0);
      }
      await until('the capture', () => withAddresses(ipPackets(seen.packets()), hexOf(MEMBER)).length > 8);
      await seen.stop();
      expect(withAddresses(ipPackets(seen.packets()), ...inside.map(hexOf))).toEqual([]);
      node.process?.signal('SIGTERM');
      await node.process?.exited;
      for (const family of ['-4', '-6'])
        expect(member.ip(family, 'rule', 'list').split('\n').length).toBeLessThanOrEqual(4);
    }),
  120_000,
);
