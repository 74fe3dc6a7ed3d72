import { describe, expect, it } from 'vitest';
import type { Namespace } from '../../src/cli/lab/namespace.ts';
import { capture } from '../netns/capture.ts';
import { type Gateways, withGateways } from './gateways.ts';
import { ipPackets, type SeenPacket, withAddresses } from './seen-frames.ts';
import { carries, questions } from './traffic.ts';
import { counted, gscip, inside } from './two-nodes.ts';

/** What the inner networks' addresses begin with, and the overlay's: 10.1, 10.2, 100.64, fd01, fd02. */
const INNER = ['0a01', '0a02', '6440', 'fd01', 'fd02'] as const;
/** A pattern that no cipher text shows. */
const MARK = 'c0ffee';
const DEEP6 = 'fd02::9:10';
const WHOLE = { doubled: 0, damaged: 0 };

async function pings(from: Namespace, to: string, ...more: readonly string[]): Promise<boolean> {
  const words = ['ping', '-c', '1', '-W', '3', '-p', MARK, ...more, to];
  return (await from.attempt(words, { seconds: 10 })).code === 0;
}

/** What `ping` says of a packet that was not answered. */
async function pingError(from: Namespace, to: string, ...more: readonly string[]): Promise<string> {
  return (await from.attempt(['ping', '-c', '1', '-W', '5', ...more, to], { seconds: 10 })).stdout;
}

/** Who may talk to whom: two terminals and a member, both ways, in both families. */
async function pairs({ a, b, member }: Gateways) {
  const m = { terminal: member.namespace, v4: await inside(member, 4), v6: await inside(member, 6) };
  const ends = [
    [a, b],
    [b, a],
    [a, m],
    [m, a],
    [b, m],
    [m, b],
  ] as const;
  return ends.flatMap(([from, to]) => [
    [from.terminal, to.terminal, to.v4, from.v4] as const,
    [from.terminal, to.terminal, to.v6, from.v6] as const,
  ]);
}

describe('plain terminals behind GENs', () => {
  it(
    'A4, C1: reach members and each other from the first packet on, and nothing of it is in clear on the wire',
    () =>
      withGateways(async (network) => {
        const { lab, a, b, member } = network;
        await network.up();
        const wires = [await capture(lab, a.router, 'wan'), await capture(lab, b.router, 'wan')];
        const outer = await capture(lab, member.namespace, 'eth0');
        const behind = await capture(lab, b.router, 'lan');
        for (const [from, to, address] of await pairs(network)) {
          const name = `${from.label} to ${to.label} at ${address}`;
          expect(await pings(from, address), name).toBe(true);
          const asked = { count: 20, gapMs: 5, sizes: [64, 1_200] };
          expect(await questions(from, to, address, asked), name).toEqual({ ...WHOLE, sent: 20, whole: 20 });
          expect(await carries(from, to, address, 1_000_000), name).toBe(true);
        }
        // sources are kept: the terminal behind b hears the addresses of the others themselves
        const heard = new Set(ipPackets(await behind.stop()).map(({ source }) => source));
        expect([...heard].filter((source) => ['0a01000a', '0a02000a'].includes(source))).toHaveLength(2);
        for (const wire of [...wires, outer]) {
          const packets = ipPackets(await wire.stop());
          expect(packets.length).toBeGreaterThan(100);
          expect(withAddresses(packets, ...INNER)).toEqual([]);
          expect(packets.filter(({ bytes }) => bytes.includes(Buffer.from(MARK.repeat(4), 'hex')))).toEqual([]);
        }
        const marked = (await capturedOn(network, a.terminal, 'eth0', () => pings(a.terminal, b.v4))).filter(
          ({ bytes }) => bytes.includes(Buffer.from(MARK.repeat(4), 'hex')),
        );
        expect(marked.length, 'the mark is seen where it is in clear').toBeGreaterThan(0);
        const status = await gscip(a.router, 'status', '--json', '--socket', a.node.socket);
        const { gateway, health } = JSON.parse(status.stdout);
        expect(gateway).toMatchObject({
          subnets: [
            { prefix: '10.1.0.0/24', inside: ['lan'] },
            { prefix: 'fd01::/64', inside: ['lan'] },
          ],
          snat: false,
          packets: { blocked: 0 },
        });
        expect(gateway.terminals.map(({ address }: { address: string }) => address).sort()).toEqual([a.v4, a.v6]);
        expect(health).toEqual([]);
        const explained = await gscip(a.router, 'explain', a.v4, b.v6, '--json', '--socket', a.node.socket);
        expect(JSON.parse(explained.stdout)).toMatchObject({
          result: 'encrypt',
          elements: [{ name: 'ga' }, { name: 'gb' }],
        });
      }),
    120_000,
  );

  it(
    'are carried by closed GENs, too',
    () =>
      withGateways(async (network) => {
        await network.up();
        for (const [from, to, address] of await pairs(network)) {
          const name = `${from.label} to ${to.label} at ${address}`;
          expect(await pings(from, address), name).toBe(true);
          expect(await carries(from, to, address, 100_000), name).toBe(true);
        }
        const { gateway } = await network.a.node.status();
        expect(gateway?.packets.blocked).toBe(0);
        expect(gateway?.packets.in).toBeGreaterThan(20);
      }, 'cl'),
    120_000,
  );

  it(
    'hear what became of packets that cannot go on: too large, too many hops, nobody there',
    () =>
      withGateways(async (network) => {
        const { a, b } = network;
        const deep = deeper(network);
        await network.up();
        expect(await pings(a.terminal, deep)).toBe(true);
        expect(await pings(a.terminal, DEEP6)).toBe(true);
        expect(await pingError(a.terminal, deep, '-t', '1')).toMatch(/From 10\.1\.0\.1 .*Time to live exceeded/);
        const [vip] = (await b.node.ready()).node.addresses;
        expect(await pingError(a.terminal, deep, '-t', '2')).toContain(`From ${vip} icmp_seq=1 Time to live exceeded`);
        // the router further inside has an address that nobody outside knows
        expect(await pingError(a.terminal, deep, '-t', '3')).toContain(`From ${vip} icmp_seq=1 Time to live exceeded`);
        const vip6 = (await b.node.ready()).node.addresses.find((address) => address.includes(':'));
        expect(await pingError(a.terminal, DEEP6, '-t', '3')).toMatch(
          new RegExp(`From ${vip6} icmp_seq=1 Time exceeded: Hop limit`),
        );
        expect(await counted(b.node, 'icmp-source-replaced')).toBe(2);
        expect(await pingError(a.terminal, '10.2.0.77')).toContain(
          `From ${vip} icmp_seq=1 Destination Host Unreachable`,
        );
        expect(await pingError(a.terminal, b.v4, '-M', 'do', '-s', '1450')).toMatch(/Frag needed .*mtu = 1400/);
        expect(await pingError(a.terminal, b.v6, '-M', 'do', '-s', '1450')).toMatch(/Packet too big: mtu=1400/);
      }),
    120_000,
  );

  it(
    'have their fragments carried, and their TCP told how much fits',
    () =>
      withGateways(async (network) => {
        const { a, b } = network;
        await network.up();
        for (const [from, to] of [
          [a, b],
          [b, a],
        ] as const)
          for (const address of [to.v4, to.v6]) {
            const asked = { count: 10, gapMs: 5, sizes: [4_000, 9_000] };
            const name = `${from.terminal.label} to ${address}`;
            // what is held for a cold start is bounded, and this is more
            expect(await pings(from.terminal, address), name).toBe(true);
            // over IPv6 only the sender cuts, and it learns from the first large one that the path takes 1,400
            if (address === to.v6)
              for (const [one, other] of [
                [from.terminal, to.v6],
                [to.terminal, from.v6],
              ] as const)
                await pingError(one, other, '-s', '1450');
            expect(await questions(from.terminal, to.terminal, address, asked), name).toEqual({
              ...WHOLE,
              sent: 10,
              whole: 10,
            });
          }
        for (const [address, most] of [
          [b.v4, 1_360],
          [b.v6, 1_340],
        ] as const) {
          const inside = await capturedOn(network, b.terminal, 'eth0', () =>
            carries(a.terminal, b.terminal, address, 100_000),
          );
          expect(inside.flatMap(mssOf)[0], `towards ${address}`).toBe(most);
          const back = await capturedOn(network, a.terminal, 'eth0', () =>
            carries(a.terminal, b.terminal, address, 100_000),
          );
          // what the terminal offered, unless it remembers the path, and what it was offered
          const [offered, answered] = back.flatMap(mssOf);
          if (address === b.v4) expect(offered).toBe(1_460);
          expect(answered, `from ${address}`).toBe(most);
        }
      }),
    120_000,
  );
});

/** A network further inside b: 10.2.9.10 and DEEP6 behind a router that is reached over 192.168.77.0/24 and fd77::/64. */
function deeper({ lab, b }: Gateways): string {
  const router = lab.router('inner');
  const terminal = lab.namespace('deep');
  lab.link(
    { namespace: b.router, device: 'far', addresses: ['192.168.77.1/24', 'fd77::1/64'] },
    { namespace: router, device: 'high', addresses: ['192.168.77.2/24', 'fd77::2/64'] },
  );
  lab.link(
    { namespace: router, device: 'low', addresses: ['10.2.9.1/24', 'fd02::9:1/112'] },
    { namespace: terminal, device: 'eth0', addresses: ['10.2.9.10/24', `${DEEP6}/112`] },
  );
  b.router.route('10.2.9.0/24', '192.168.77.2');
  b.router.route('fd02::9:0/112', 'fd77::2');
  router.route('default', '192.168.77.1');
  router.route('default', 'fd77::1');
  terminal.route('default', '10.2.9.1');
  terminal.route('default', 'fd02::9:1');
  return '10.2.9.10';
}

/** What passed a device while something was done. */
async function capturedOn(
  { lab }: Gateways,
  where: Namespace,
  device: string,
  act: () => Promise<boolean>,
): Promise<SeenPacket[]> {
  const running = await capture(lab, where, device);
  expect(await act()).toBe(true);
  return ipPackets(await running.stop());
}

/** The MSS that a TCP SYN offers; nothing for other packets. */
function mssOf({ protocol, above }: SeenPacket): number[] {
  const isSyn = protocol === 6 && ((above[13] ?? 0) & 0x02) !== 0;
  // Linux puts it first
  return isSyn && above[20] === 2 ? [above.readUInt16BE(22)] : [];
}
