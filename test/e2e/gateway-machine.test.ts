import { mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import type { Namespace } from '../../src/cli/lab/namespace.ts';
import type { OverlayNode } from '../../src/cli/lab/overlay.ts';
import { until } from '../../src/cli/lab/until.ts';
import { capture } from '../netns/capture.ts';
import { type Gateways, withGateways } from './gateways.ts';
import { ipPackets, withAddresses } from './seen-frames.ts';

const TABLE = 'gscip_gateway_gscip0';
/** What Docker, ufw and firewalld leave on a machine, shortened to what matters to forwarded packets. */
const NEIGHBOURS = {
  docker: `table ip filter {
    chain DOCKER-USER { return; }
    chain DOCKER-FORWARD { oifname "docker0" ct state related,established accept; iifname "docker0" oifname != "docker0" accept; }
    chain FORWARD { type filter hook forward priority filter; policy drop; jump DOCKER-USER; jump DOCKER-FORWARD; }
  }
  table ip nat { chain POSTROUTING { type nat hook postrouting priority srcnat; policy accept; oifname != "docker0" ip saddr 10.1.0.0/16 masquerade; }
  }`,
  ufw: `table ip filter {
    chain ufw-user-forward { }
    chain ufw-before-forward { ct state related,established accept; icmp type echo-request counter drop; jump ufw-user-forward; }
    chain FORWARD { type filter hook forward priority filter; policy drop; jump ufw-before-forward; }
  }`,
  firewalld: `table inet firewalld {
    chain filter_FORWARD_ZONES { iifname "other" accept; }
    chain filter_FORWARD {
      type filter hook forward priority filter + 10; policy accept;
      ct state established,related accept
      jump filter_FORWARD_ZONES
      reject with icmpx admin-prohibited
    }
  }`,
} as const;

/** What their owners tell them, so that the overlay's interface passes. */
const REMEDIES = {
  docker: ['ip filter DOCKER-USER', 'ip filter DOCKER-USER'],
  ufw: ['ip filter ufw-before-forward', 'ip filter ufw-before-forward'],
  firewalld: ['inet firewalld filter_FORWARD_ZONES', 'inet firewalld filter_FORWARD_ZONES'],
} as const;

const SWITCHES =
  'grep -rH . /proc/sys/net/ipv4/conf/*/forwarding /proc/sys/net/ipv4/conf/*/rp_filter /proc/sys/net/ipv6/conf/*/*forwarding /proc/sys/net/ipv6/conf/*/accept_ra';
/** Switches of interfaces that stay, and the tables of others. */
const switches = async (where: Namespace) =>
  (await where.run(['sh', '-c', SWITCHES])).split('\n').filter((line) => !line.includes('gscip0'));
const ruleset = async (where: Namespace) =>
  (await where.run(['nft', '-s', 'list', 'ruleset'])).replace(/table inet gscip_\w+ \{[\s\S]*?\n\}\n?/g, '');
const tables = (where: Namespace) => where.run(['nft', 'list', 'tables']);
const pings = async (from: Namespace, to: string, ...more: readonly string[]) =>
  (await from.attempt(['ping', '-c', '1', '-W', '2', ...more, to], { seconds: 10 })).code === 0;
const codes = async (node: OverlayNode) => (await node.status()).health.map(({ code }) => code);
const dropped = async (node: OverlayNode) => (await node.status()).gateway?.dropped;

async function end(node: OverlayNode, signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
  node.process?.signal(signal);
  await node.process?.exited;
}

describe('the machine of a GEN', () => {
  it(
    'forwards while the node runs, and is afterwards as before, also when the node crashed',
    () =>
      withGateways(async (network) => {
        const { a, b } = network;
        const before = await switches(a.router);
        await network.up();
        expect(await pings(a.terminal, b.v4)).toBe(true);
        expect(await tables(a.router)).toContain(TABLE);
        expect(await switches(a.router)).not.toEqual(before);
        await end(a.node, 'SIGTERM');
        expect([await switches(a.router), await tables(a.router)]).toEqual([before, '']);

        a.node.start(network.how(a.node));
        await a.node.ready();
        await end(a.node, 'SIGKILL');
        expect(await switches(a.router)).not.toEqual(before);
        a.node.start(network.how(a.node));
        await a.node.ready();
        expect(await pings(a.terminal, b.v4)).toBe(true);
        expect(a.node.process?.stderr()).toContain('"gateway-restored"');
        await end(a.node, 'SIGTERM');
        expect([await switches(a.router), await tables(a.router)]).toEqual([before, '']);
      }),
    120_000,
  );

  it('is not one without nft, which would have to guard what is forwarded', () =>
    withGateways(async ({ a, lab }) => {
      const tools = join(lab.folder, 'tools');
      mkdirSync(tools);
      for (const tool of ['ip', 'nsenter', 'setpriv'])
        symlinkSync((await a.router.run(['sh', '-c', `command -v ${tool}`])).trim(), join(tools, tool));
      const before = await switches(a.router);
      a.node.start({ listen: '10.99.0.1:47247', env: { PATH: tools } });
      expect(await a.node.process?.exited).toBe(1);
      expect(a.node.process?.stderr()).toContain('install the package nftables');
      expect([await switches(a.router), await tables(a.router), a.router.hasDevice('gscip0')]).toEqual([
        before,
        '',
        false,
      ]);
    }));

  it.each(['docker', 'ufw', 'firewalld'] as const)(
    'says that the tables of %s stop what it forwards, changes nothing of them, and goes on once they let it through',
    (whose) =>
      withGateways(async (network) => {
        const { a, b, member } = network;
        a.router.now('nft', ['-f', '-'], NEIGHBOURS[whose]);
        const theirs = await ruleset(a.router);
        for (const { router } of [a, b]) router.sysctl('net.ipv4.conf.all.rp_filter', '1');
        await network.up();
        expect(await ruleset(a.router)).toBe(theirs);
        const said = (await a.node.status()).health.find(({ code }) => code === 'gateway-blocked');
        expect(said?.text).toMatch(
          { docker: /DOCKER-USER -i gscip0/, ufw: /ufw route allow/, firewalld: /firewall-cmd/ }[whose],
        );
        expect(await pings(a.terminal, b.v4)).toBe(false);
        expect((await a.node.status()).gateway?.packets.blocked).toBe(1);
        const [chain] = REMEDIES[whose];
        for (const way of ['iifname', 'oifname'])
          a.router.now('nft', ['insert', 'rule', ...chain.split(' '), way, 'gscip0', 'accept']);
        const heard = await capture(network.lab, member.namespace, 'gscip0');
        expect(await pings(a.terminal, await member.address())).toBe(true);
        expect(await pings(b.terminal, a.v4)).toBe(true);
        // the source is kept, although Docker's neighbour would masquerade it
        const sources = (await heard.stop()).map(({ bytes }) => Buffer.from(bytes).subarray(12, 16).join('.'));
        expect(sources).toContain('10.1.0.10');
        const changed = await ruleset(a.router);
        await end(a.node, 'SIGTERM');
        expect(await ruleset(a.router)).toBe(changed);
      }),
    120_000,
  );

  it(
    'makes terminals see the router where that is asked for, and only there',
    () =>
      withGateways(async (network) => {
        const { a, b, member } = network;
        b.terminal.ip('route', 'del', 'default');
        await network.up();
        expect(await pings(member.namespace, b.v4)).toBe(false);
        await end(b.node, 'SIGTERM');
        b.node.start(network.how(b.node, { extra: ['--snat'] }));
        await b.node.ready();
        expect((await b.node.status()).gateway?.snat).toBe(true);
        const heard = await capture(network.lab, b.terminal, 'eth0');
        expect(await pings(member.namespace, b.v4)).toBe(true);
        expect(await pings(a.terminal, b.v4)).toBe(true);
        const sources = withAddresses(ipPackets(await heard.stop()), '0a02000a').map(({ source }) => source);
        expect(new Set(sources)).toEqual(new Set(['0a020001', '0a02000a']));
      }),
    120_000,
  );
});

describe('a terminal that lies', () => {
  it(
    'P2, A4: sends nothing into the overlay as somebody else, and nobody outside sends as a member',
    () =>
      withGateways(async (network) => {
        const { a, b, member } = network;
        const stranger = outsider(network);
        await network.up();
        expect(await pings(a.terminal, b.v4)).toBe(true);
        const [memberVip, ownVip] = [await member.address(), await a.node.address()];
        const behind = await capture(network.lab, b.terminal, 'eth0');
        const inside = await capture(network.lab, a.terminal, 'eth0');
        const wire = await capture(network.lab, a.router, 'wan');
        // the neighbour's network and a member's address are reached through the overlay; 10.9.9.9 and our own vip are not
        const told = async (from: Namespace, lie: string, to: string, counter: string) => {
          const before = (await dropped(a.node))?.[counter] ?? 0;
          expect(await lies(from, lie, to), lie).toBe(false);
          await until(`${counter} of ${lie}`, async () => ((await dropped(a.node))?.[counter] ?? 0) > before);
        };
        for (const lie of ['10.2.0.20', memberVip, ownVip]) await told(a.terminal, lie, b.v4, 'gateway-overlay-source');
        await told(a.terminal, 'fd02::20', b.v6, 'gateway-overlay-source');
        await told(a.terminal, '10.9.9.9', b.v4, 'gateway-foreign-source');
        // from outside, in clear, as a member and as a terminal behind b
        for (const lie of [memberVip, b.v4]) await told(stranger, lie, a.v4, 'gateway-overlay-source');
        const arrived = ipPackets(await inside.stop()).filter(({ destination }) => destination === '0a01000a');
        expect(arrived).toEqual([]);
        expect(withAddresses(ipPackets(await behind.stop()), '0a0209', '6440', '0a09')).toEqual([]);
        const clear = withAddresses(ipPackets(await wire.stop()), '0a02', '0a09', 'fd02', '6440');
        expect(
          clear.every(({ destination }) => destination === '0a01000a'),
          'only what the stranger sent',
        ).toBe(true);
      }),
    120_000,
  );

  it(
    'reaches nobody by broadcast or multicast, from either side',
    () =>
      withGateways(async (network) => {
        const { lab, a, b } = network;
        await network.up();
        expect(await pings(a.terminal, b.v4)).toBe(true);
        const before = (await b.node.status()).gateway;
        const behind = await capture(lab, b.router, 'lan');
        const wire = await capture(lab, a.router, 'wan');
        const targets = [
          ['10.1.0.255', '-b'],
          ['224.0.0.1'],
          ['239.1.2.3', '-t', '8'],
          ['ff02::1%eth0'],
          ['ff05::7%eth0'],
        ];
        await Promise.all(
          targets.map(([to = '', ...more]) =>
            a.terminal.attempt(['ping', '-c', '1', '-W', '1', ...more, to], { seconds: 5 }),
          ),
        );
        // a directed broadcast is an address like any other until it comes where it means all
        expect(await pings(a.terminal, '10.2.0.255')).toBe(false);
        await sleep(200);
        const after = (await b.node.status()).gateway;
        expect(after?.dropped['gateway-broadcast']).toBe(1);
        expect(after?.packets.in).toBe(before?.packets.in);
        expect(withAddresses(ipPackets(await behind.stop()), '0a01', 'e000', 'ef01', 'fd01')).toEqual([]);
        expect(withAddresses(ipPackets(await wire.stop()), '0a01', 'fd01')).toEqual([]);
      }),
    120_000,
  );
});

describe('two GENs that claim one network', () => {
  it(
    'say so, and the one that joined first serves it, whoever starts last',
    () =>
      withGateways(async (network) => {
        const { lab, overlay, a, b, member } = network;
        const rival = lab.namespace('rival');
        const node = overlay.add('rival', rival, { type: 'gen', groups: ['office'], routes: ['10.2.0.0/16'] });
        lab.link(
          { namespace: rival, device: 'lan', addresses: ['10.2.0.10/24'] },
          { namespace: lab.namespace('decoy'), device: 'eth0', addresses: ['10.2.0.11/24'] },
        );
        lab.link(
          { namespace: rival, device: 'wan', addresses: ['10.99.0.9/24'] },
          { namespace: network.wire, device: 'port9' },
        );
        network.wire.ip('link', 'set', 'port9', 'master', 'br0');
        overlay.rewriteBundles();
        await network.up();
        node.start({ listen: '10.99.0.9:47247', peers: [{ name: 'ga', at: '10.99.0.1:47247' }] });
        await node.ready();
        for (const each of [b.node, node]) expect(await codes(each)).toContain('gateway-subnet-shared');
        const reached = async () => (await b.node.status()).gateway?.packets.in ?? 0;
        for (const restarted of [undefined, a.node, node]) {
          if (restarted) {
            await end(restarted, 'SIGTERM');
            restarted.start(restarted === node ? { listen: '10.99.0.9:47247' } : network.how(restarted));
            await restarted.ready();
          }
          const count = await reached();
          expect(await pings(a.terminal, b.v4)).toBe(true);
          expect(await pings(member.namespace, b.v4)).toBe(true);
          expect(await reached()).toBe(count + 2);
        }
      }),
    120_000,
  );
});

/** A machine on the outer wire that is no member, and sends to the networks behind a by its router. */
function outsider({ lab, wire }: Gateways): Namespace {
  const made = lab.namespace('x');
  lab.link({ namespace: made, device: 'eth0', addresses: ['10.99.0.66/24'] }, { namespace: wire, device: 'port66' });
  wire.ip('link', 'set', 'port66', 'master', 'br0');
  made.route('10.1.0.0/24', '10.99.0.1');
  return made;
}

/** Sends as if from another address; true when it was answered within half a second, after which the captures say more. */
async function lies(from: Namespace, as: string, to: string): Promise<boolean> {
  const [device, length] = ['eth0', as.includes(':') ? 128 : 32];
  from.addresses(device, [`${as}/${length}`]);
  try {
    return await pings(from, to, '-I', as, '-W', '0.5');
  } finally {
    from.ip('addr', 'del', `${as}/${length}`, 'dev', device);
  }
}
