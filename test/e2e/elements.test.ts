import { describe, expect, it } from 'vitest';
import { DATAGRAM } from '../../src/base/datagram-kinds.ts';
import type { OverlayNode } from '../../src/cli/lab/overlay.ts';
import { until } from '../../src/cli/lab/until.ts';
import { NAT_KIND } from '../../src/nat/constants.ts';
import { type CapturedPacket, capture } from '../netns/capture.ts';
import { withElements } from './element-network.ts';
import { ipPackets, type SeenPacket, withAddresses } from './seen-frames.ts';
import { carries } from './traffic.ts';
import { inside } from './two-nodes.ts';

/** A pattern that no cipher text shows. */
const MARK = 'c0ffee';
const UDP = 17;
const hex = (address: string) => Buffer.from(address.split('.').map(Number)).toString('hex');

async function pings(from: OverlayNode, to: OverlayNode): Promise<boolean> {
  const words = ['ping', '-c', '1', '-W', '5', '-p', MARK, await inside(to, 4)];
  return (await from.namespace.attempt(words, { seconds: 10 })).code === 0;
}

/** Until each of two members reaches the other through GENs, whatever way was taken first. */
async function meetThroughGens(below: OverlayNode, other: OverlayNode): Promise<void> {
  await until(`${below.name} reaching ${other.name}`, () => pings(below, other), { seconds: 30 });
  await until(
    `the way of ${below.name} through its GEN`,
    async () => (await below.status()).peers.some(({ name, path }) => name === other.name && path.kind === 'gateway'),
    { seconds: 30 },
  );
  await until(`${other.name} reaching ${below.name}`, () => pings(other, below), { seconds: 30 });
}

/** Ping and TCP, both ways. */
async function speak(a: OverlayNode, b: OverlayNode): Promise<void> {
  for (const [from, to] of [
    [a, b],
    [b, a],
  ] as const) {
    expect(await pings(from, to), `${from.name} to ${to.name}`).toBe(true);
    expect(
      await carries(from.namespace, to.namespace, await inside(to, 4), 1_000_000),
      `${from.name} to ${to.name}`,
    ).toBe(true);
  }
}

/** First bytes of the UDP datagrams between two addresses, each once. */
function kinds(packets: readonly SeenPacket[], one: string, other: string): number[] {
  const between = packets.filter(
    ({ source, destination }) => [source, destination].includes(hex(one)) && [source, destination].includes(hex(other)),
  );
  return [...new Set(between.filter(({ protocol }) => protocol === UDP).map(({ above }) => above[8] ?? 0))].sort();
}

/** Nothing of the overlay is seen as what it is. */
function isSealed(captured: readonly CapturedPacket[]): SeenPacket[] {
  const packets = ipPackets(captured);
  expect(packets.length).toBeGreaterThan(100);
  expect(withAddresses(packets, '6440')).toEqual([]);
  expect(packets.filter(({ bytes }) => bytes.includes(Buffer.from(MARK.repeat(4), 'hex')))).toEqual([]);
  return packets;
}

/** An element and the GEN above it say nothing to each other but frames, and what they agree on those by. */
function expectFrames(packets: readonly SeenPacket[], element: string, gen: string): void {
  const seen = kinds(packets, element, gen);
  expect(seen).toContain(DATAGRAM.frame);
  expect(seen.filter((kind) => kind !== DATAGRAM.frame && kind !== DATAGRAM.elementQuery)).toEqual([]);
}

/** What passes the GEN on its outer wire for those below. */
const PASSED: readonly number[] = [
  DATAGRAM.rgi,
  DATAGRAM.dde,
  DATAGRAM.mpit,
  DATAGRAM.cdn,
  DATAGRAM.data,
  NAT_KIND.tunnelRequest,
  NAT_KIND.tunnelResponse,
];

describe('an individual below a GEN of another group', () => {
  it(
    'C5: joins by its token alone, finds an open GEN, and speaks with members outside in frames that it carries unread',
    () =>
      withElements('forwarding', async (network) => {
        const { lab } = network;
        const ga = await network.gen('ga', 'op', ['10.1.0.0/16']);
        const m = await network.ges('m');
        const e = await network.ges('e');
        await meetThroughGens(e, m);
        expect((await e.status()).elements.above).toMatchObject({
          id: (await ga.status()).node.id,
          name: null,
          address: '10.1.0.1:47247',
          place: ['10.99.0.1:47247'],
        });
        const { below } = (await ga.status()).elements;
        expect(below).toEqual([{ id: (await e.status()).node.id, name: null, address: '10.1.0.10:47247' }]);
        const [lan, wan] = [await capture(lab, ga.namespace, 'lan'), await capture(lab, ga.namespace, 'wan')];
        await speak(e, m);
        const inner = isSealed(await lan.stop());
        expect(kinds(inner, '10.1.0.10', '10.99.0.3')).toEqual([]);
        expectFrames(inner, '10.1.0.10', '10.1.0.1');
        const outer = isSealed(await wan.stop());
        expect(kinds(outer, '10.1.0.10', '10.99.0.3')).toEqual([]);
        expect(kinds(outer, '10.99.0.1', '10.99.0.3').filter((kind) => !PASSED.includes(kind))).toEqual([]);
        expect((await m.status()).peers).toMatchObject([{ name: 'e', path: { endpoint: '10.99.0.1:47247' } }]);
        // it is in no group of theirs, and holds no key of what it carries
        expect(await ga.status()).toMatchObject({ peers: [], groups: [{ name: 'routers' }], health: [] });
      }),
    120_000,
  );
});
