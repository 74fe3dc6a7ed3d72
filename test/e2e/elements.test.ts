import { describe, expect, it } from 'vitest';
import { DATAGRAM } from '../../src/base/datagram-kinds.ts';
import type { Namespace } from '../../src/cli/lab/namespace.ts';
import type { OverlayNode } from '../../src/cli/lab/overlay.ts';
import { until } from '../../src/cli/lab/until.ts';
import { NAT_KIND } from '../../src/nat/constants.ts';
import { type CapturedPacket, capture } from '../netns/capture.ts';
import { withElements } from './element-network.ts';
import { ALL, hold, NOTHING, reach, reachFrom, serve } from './probes.ts';
import { ipPackets, type SeenPacket, withAddresses } from './seen-frames.ts';
import { carries } from './traffic.ts';
import { inside, PORT } from './two-nodes.ts';

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
  // one by the relay, one through the GENs, and where both ends began or a key rolled a few more
  expect((await below.metrics()).get('gscip_events_total{event="sas-made"}')).toBeLessThan(12);
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

/** First bytes of the datagrams between the nodes at two addresses, each once. */
function kinds(packets: readonly SeenPacket[], one: string, other: string): number[] {
  const found = packets.filter(({ source, destination, protocol, above }) => {
    const isBetween = new Set([source, destination, hex(one), hex(other)]).size === 2 && source !== destination;
    return isBetween && protocol === UDP && above.readUInt16BE(0) === PORT && above.readUInt16BE(2) === PORT;
  });
  return [...new Set(found.map(({ above }) => above[8] ?? 0))].sort();
}

/** Nothing of the overlay is seen as what it is. */
function isSealed(captured: readonly CapturedPacket[]): SeenPacket[] {
  const packets = ipPackets(captured);
  expect(packets.length).toBeGreaterThan(100);
  expect(withAddresses(packets, '6440')).toEqual([]);
  expect(packets.filter(({ bytes }) => bytes.includes(Buffer.from(MARK.repeat(4), 'hex')))).toEqual([]);
  return packets;
}

/** Whether a TCP connection is taken. */
async function connects(from: Namespace, address: string, port: number): Promise<boolean> {
  const words = ['timeout', '5', 'bash', '-c', `exec 3<>/dev/tcp/${address}/${port}`];
  return (await from.attempt(words, { seconds: 10 })).code === 0;
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
        // what comes past the GEN is dropped; nothing goes there
        expect(
          inner.filter(({ source, destination }) => source === hex('10.1.0.10') && destination === hex('10.99.0.3')),
        ).toEqual([]);
        expectFrames(inner, '10.1.0.10', '10.1.0.1');
        const outer = isSealed(await wan.stop());
        expect(kinds(outer, '10.99.0.1', '10.99.0.3').filter((kind) => !PASSED.includes(kind))).toEqual([]);
        expect((await m.status()).peers).toMatchObject([{ name: 'e', path: { endpoint: '10.99.0.1:47247' } }]);
        // it is in no group of theirs, and holds no key of what it carries
        expect(await ga.status()).toMatchObject({ peers: [], groups: [{ name: 'routers' }], health: [] });
      }),
    240_000,
  );

  it(
    'C5: joins below a closed GEN, whose inside reaches server, coordinator and relay, and nothing else that is outside',
    () =>
      withElements('silent', async (network) => {
        const { lab } = network;
        const ga = await network.gen('ga', 'cl', ['10.1.0.0/16']);
        const m = await network.ges('m');
        const e = await network.ges('e');
        await meetThroughGens(e, m);
        const [lan, wan] = [await capture(lab, ga.namespace, 'lan'), await capture(lab, ga.namespace, 'wan')];
        await speak(e, m);
        const inner = isSealed(await lan.stop());
        expect(withAddresses(inner, hex('10.99.0.3'))).toEqual([]);
        expectFrames(inner, '10.1.0.10', '10.1.0.1');
        const outer = isSealed(await wan.stop());
        expect(withAddresses(outer, '0a01')).toEqual([]);
        expect(kinds(outer, '10.99.0.1', '10.99.0.3').filter((kind) => !PASSED.includes(kind))).toEqual([]);
        for (const name of ['server', 'm']) await serve(network.space(name));
        for (const address of ['10.99.0.9', '10.99.0.3']) {
          expect(await reach(network.space('isp'), address), `${address} from outside`).toEqual(ALL);
          for (const inside of ['e', 't'])
            expect(await reach(network.space(inside), address), `${address} from ${inside}`).toEqual(NOTHING);
        }
        // what is there for members that are new
        expect(await connects(network.space('t'), '10.99.0.9', PORT)).toBe(true);
        // and nobody outside begins anything by that way
        network.space('server').ip('route', 'replace', '10.1.0.0/16', 'via', '10.99.0.1');
        await serve(network.space('t'));
        expect(await reachFrom(network.space('server'), '10.1.0.20', 7300, 0)).toEqual({ tcp: false, udp: false });
      }),
    240_000,
  );

  it(
    'is reached through GENs below GENs, closed ones too, of which each has its part in the negotiation',
    () =>
      withElements('silent', async (network) => {
        const ga = await network.gen('ga', 'cl', ['10.1.0.0/16']);
        const gi = await network.gen('gi', 'cl', ['10.1.7.0/24']);
        await until('the GEN above gi', async () => (await gi.status()).elements.above !== null, { seconds: 30 });
        const m = await network.ges('m');
        const n = await network.ges('n');
        await meetThroughGens(n, m);
        const id = async (node: OverlayNode) => (await node.status()).node.id;
        expect((await n.status()).elements.above).toMatchObject({ id: await id(gi), place: ['10.99.0.1:47247'] });
        expect((await gi.status()).elements.above).toMatchObject({ id: await id(ga) });
        const [lan, wan, floor] = [
          await capture(network.lab, gi.namespace, 'lan'),
          await capture(network.lab, ga.namespace, 'wan'),
          await capture(network.lab, ga.namespace, 'lan'),
        ];
        await speak(n, m);
        expectFrames(isSealed(await lan.stop()), '10.1.7.10', '10.1.7.1');
        expectFrames(isSealed(await floor.stop()), '10.1.0.2', '10.1.0.1');
        const outer = isSealed(await wan.stop());
        expect(withAddresses(outer, '0a01')).toEqual([]);
        expect(kinds(outer, '10.99.0.1', '10.99.0.3').filter((kind) => !PASSED.includes(kind))).toEqual([]);
      }),
    240_000,
  );

  it(
    'goes on with its connections when it moves from below the GEN to another network, and nothing is set',
    () =>
      withElements('silent', async (network) => {
        await network.gen('ga', 'cl', ['10.1.0.0/16']);
        const m = await network.ges('m');
        const e = await network.ges('e');
        await meetThroughGens(e, m);
        await serve(m.namespace);
        const flow = hold(e.namespace, await inside(m, 4));
        const heard = () => flow.stdout().split('\n').length;
        await until('the connection', () => heard() > 3, { seconds: 20 });
        network.move();
        await until('no GEN above', async () => (await e.status()).elements.above === null, { seconds: 30 });
        const before = heard();
        await until('the connection after the move', () => heard() > before + 3, { seconds: 60 });
        await until('ping after the move', () => pings(m, e), { seconds: 30 });
        const path = (await e.status()).peers.map((peer) => peer.path);
        expect(path).toMatchObject([{ kind: 'direct' }]);
      }),
    240_000,
  );
});
