import { describe, expect, it } from 'vitest';
import { until } from '../../src/cli/lab/until.ts';
import { capture } from '../netns/capture.ts';
import { asks, transfers, types } from './traffic.ts';
import { inside, PORT, pings, type TwoNodes, withTwoNodes } from './two-nodes.ts';

/** As long as a pattern of ping may be. */
const SECRET = 'attack at dawn, ';
const MEGABYTES = 20_000_000;
/** Whole, two and three fragments at an MTU of 1,400; with all headers just below and just above one packet. */
const SIZES = [64, 1_000, 1_350, 1_380, 2_000, 4_000];
const QUESTIONS = { count: 120, gapMs: 5, sizes: SIZES };
const ALL_BACK = { sent: 120, whole: 120, doubled: 0, damaged: 0 };

/** Ethernet, then IPv4 or IPv6 without options, then UDP: its two ports; undefined for anything else. */
function udpPorts(packet: Uint8Array): readonly number[] | undefined {
  const view = new DataView(packet.buffer, packet.byteOffset, packet.length);
  const v6 = packet.length > 14 && view.getUint16(12) === 0x86dd;
  const [protocol, at] = v6 ? [packet[20], 54] : [packet[23], 34];
  if (protocol !== 17 || packet.length < at + 8) return undefined;
  return [view.getUint16(at), view.getUint16(at + 2)];
}

/** Anything of a machine's own: address resolution, neighbours, multicast memberships. */
function isHousekeeping(packet: Uint8Array): boolean {
  const type = new DataView(packet.buffer, packet.byteOffset, packet.length).getUint16(12);
  return type === 0x0806 || (type === 0x86dd && (packet[20] === 58 || packet[20] === 0));
}

function contains(packet: Uint8Array, text: string): boolean {
  return Buffer.from(packet.buffer, packet.byteOffset, packet.length).includes(text);
}

async function carries({ a, b }: TwoNodes): Promise<void> {
  for (const family of [4, 6] as const) {
    expect(await pings(a, b, family)).toBe(true);
    expect(await pings(b, a, family)).toBe(true);
    expect(await transfers(a, b, MEGABYTES, family)).toBe(true);
    expect(await transfers(b, a, MEGABYTES, family)).toBe(true);
    expect(await types(a, b, 300, family)).toEqual({ heard: 300, inOrder: true });
    expect(await asks(a, b, QUESTIONS, family)).toEqual(ALL_BACK);
  }
}

describe('two nodes', () => {
  it.each([
    ['IPv4', 4],
    ['IPv6', 6],
  ] as const)('carry pings, streams, sessions and datagrams of both families over %s', (_, underlay) =>
    withTwoNodes(async (nodes) => {
      await nodes.up();
      await carries(nodes);
      const { peers } = await nodes.a.status();
      expect(peers[0]?.path).toMatchObject({ kind: 'direct', endpoint: nodes.at(nodes.b), reason: 'proved' });
    }, underlay));

  it.each([
    ['IPv4', 4],
    ['IPv6', 6],
  ] as const)('let nothing but their own UDP onto a wire of %s, and none of it readable', (_, underlay) =>
    withTwoNodes(async (nodes) => {
      const { a, b, lab } = nodes;
      const seen = await capture(lab, a.namespace, 'eth0');
      await nodes.up();
      const pattern = Buffer.from(SECRET).toString('hex');
      const address = await inside(b, 4);
      await a.namespace.run(['ping', '-c', '3', '-i', '0.2', '-s', '1000', '-p', pattern, address]);
      expect(await types(a, b, 50)).toMatchObject({ heard: 50 });
      const packets = (await seen.stop()).map(({ bytes }) => bytes).filter((bytes) => !isHousekeeping(bytes));
      expect(packets.length).toBeGreaterThan(100);
      expect(packets.filter((bytes) => udpPorts(bytes)?.join() !== `${PORT},${PORT}`)).toEqual([]);
      for (const text of [SECRET, 'answer ']) expect(packets.filter((p) => contains(p, text))).toEqual([]);
    }, underlay));

  it('keep the first packet: twenty cold starts, one ping each, none lost', () =>
    withTwoNodes(async (nodes) => {
      const { a, b } = nodes;
      await nodes.up();
      const address = await inside(b, 4);
      for (let start = 0; start < 20; start++) {
        expect(await a.namespace.run(['ping', '-c', '1', '-W', '2', address])).toContain('1 received');
        await Promise.all([a.flush(true), b.flush(true)]);
      }
      const { peers } = await a.status();
      expect(peers[0]?.sas).toEqual([]); // each start was cold
    }));
});

describe('the check that nothing is readable', () => {
  it('finds the same words on the wire when they are sent beside the overlay', () =>
    withTwoNodes(async ({ a, lab }) => {
      const seen = await capture(lab, a.namespace, 'eth0');
      const pattern = Buffer.from(SECRET).toString('hex');
      await a.namespace.run(['ping', '-c', '1', '-s', '1000', '-p', pattern, '10.99.0.2']);
      const found = await until('the words', () => seen.packets().find(({ bytes }) => contains(bytes, SECRET)));
      expect(isHousekeeping(found.bytes)).toBe(false);
      expect(udpPorts(found.bytes)).toBeUndefined();
    }));
});
