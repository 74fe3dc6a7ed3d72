import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { concat } from '../../../src/base/bytes.ts';
import { padAddress } from '../../../src/base/ip-address.ts';
import { pathAddress } from '../../../src/base/path-address.ts';
import { nodeProvider } from '../../../src/crypto/node-provider.ts';
import { makeDde } from '../../../src/dprp/dde-maker.ts';
import { answerElement, elementPsk } from '../../../src/nat/element-session.ts';
import { encodeFrame } from '../../../src/nat/relay-frame.ts';
import { numbered, numbersOf } from '../packets.ts';
import { seededRandom } from '../seeded-random.ts';
import { type SimNode, World } from '../world.ts';
import { Below } from './below.ts';

/** `a` and `z` below GEN `g`, `b` outside of all. */
function oneGen(seed: string) {
  const net = new Below(seed);
  const b = net.ges('b', '192.0.2.9:47247', undefined);
  const g = net.gen('g', '192.0.2.1:47247', undefined, '10.1.0.0/16');
  const a = net.ges('a', '10.1.0.5:47247', g);
  const z = net.ges('z', '10.1.0.6:47247', g);
  net.isSeenAt(a, g);
  net.settle([a, g], [z, g]);
  return { net, world: net.world, a, b, g, z };
}

const idOf = (node: SimNode) => node.keys.self().id;
/** Datagrams of one kind from one node, which is not in a frame. */
const sentBy = ({ seen }: World, node: SimNode, kind: number) =>
  seen.filter(({ from, bytes }) => from === node.path && bytes[0] === kind);

const PORTS = { family: 4, protocol: 17, sourcePort: 1, destinationPort: 2 } as const;

/** The channel of the first frame that a node sent. */
function channelOf({ seen }: World, node: SimNode): number {
  const frame = seen.find(({ from, bytes }) => from === node.path && bytes[0] === 0x20);
  if (frame === undefined) throw new Error('no frame');
  return new DataView(frame.bytes.buffer, frame.bytes.byteOffset).getUint32(4);
}

describe('a GEN', () => {
  it('C5: answers nobody outside, and nobody who is not of its domain', () => {
    const { world, b, g } = oneGen('strangers');
    b.engine.elements.seek([g.path], world.now);
    world.launch(b, b.carryOut());
    world.run(200);
    expect(g.counter('element-query-outside')).toBeGreaterThan(0);
    expect(sentBy(world, g, 0x30)).toEqual([]);

    const other = new World('another network');
    other.authority.group('office');
    other.authority.add('x', ['office']);
    const x = other.node('x', '10.1.0.9:47247');
    x.engine.elements.seek([g.path], other.now);
    const [query] = x.carryOut();
    world.launch(g, g.receive(query.bytes, x.path, world.now));
    world.run(200);
    expect(g.counter('element-query-auth')).toBe(1);
    expect(sentBy(world, g, 0x30)).toEqual([]);
  });

  it('H6: gives a repeated QUERY the same bytes', () => {
    const { world, a, g } = oneGen('repeated');
    world.restart(g);
    const again = world.at(g.path) ?? g;
    const fresh = world.restart(a);
    fresh.engine.elements.seek([g.path], world.now);
    const [query] = fresh.carryOut();
    const answers = [1, 2, 3].map(() => again.receive(query.bytes, a.path, world.now)[0]);
    expect(answers[1]).toEqual(answers[0]);
    expect(answers[2]).toEqual(answers[0]);
  });

  it('N5: takes frames only by channels that it gave to that very address, and only with DPRP or data inside', () => {
    const { world, a, b, g, z } = oneGen('frames');
    world.send(a, numbered(a, b, 1));
    world.run(300);
    const [frame] = world.seen.filter(({ from, bytes }) => from === a.path && bytes[0] === 0x20);
    const before = sentBy(world, g, 0x10).length;
    const channel = new DataView(frame.bytes.buffer, frame.bytes.byteOffset).getUint32(4);
    const data = Uint8Array.of(0x10, ...new Uint8Array(40));
    const inject = (bytes: Uint8Array, from: SimNode | string) => {
      const path = typeof from === 'string' ? pathAddress(from) : from.path;
      world.inject({ from: path, to: g.path, bytes });
      world.run(20);
    };
    inject(frame.bytes, z);
    inject(concat(encodeFrame(channel ^ 1), data), a);
    expect(g.counter('element-channel-unknown')).toBe(2);
    inject(frame.bytes, '10.1.0.77:47247');
    expect(g.counter('frame-unbound')).toBe(1);
    for (const kind of [0x00, 0x08, 0x20, 0x30, 0x31, 0x3c, 0x40])
      inject(concat(encodeFrame(channel), Uint8Array.of(kind), data), a);
    expect(g.counter('element-frame-kind')).toBe(7);
    for (const kind of [2, 3, 4, 5, 6, 7]) inject(concat(encodeFrame(channel), Uint8Array.of(kind), data), a);
    expect(g.counter('element-unasked')).toBe(6);
    inject(concat(encodeFrame(channel), new Uint8Array(284).fill(1)), a);
    expect(g.counter('element-foreign-dde')).toBe(1);
    expect(sentBy(world, g, 0x10).length).toBe(before);
    expect(b.counter('unknown-kind')).toBe(0);
  });

  it('C4: drops data without an entry and says so once a second, which makes its sender rekey and nothing else', () => {
    const { world, a, b, g } = oneGen('no entry');
    world.send(a, numbered(a, b, 1));
    world.run(500);
    g.engine.elements.relay.relays.removeNode(idOf(a));
    world.seen.length = 0;
    for (let n = 2; n < 12; n++) world.send(a, numbered(a, b, n));
    world.run(5);
    expect(sentBy(world, g, 0x08).length).toBe(1);
    expect(g.counter('element-no-entry')).toBe(10);
    expect(numbersOf(b)).toEqual([1]);
    world.run(500);
    world.send(a, numbered(a, b, 12));
    world.run(500);
    expect(numbersOf(b)).toEqual([1, 12]);
    const sas = [...a.engine.node.sas.sas()].length;
    const hint = sentBy(world, g, 0x08)[0].bytes;
    for (const from of [g.path, b.path, pathAddress('10.1.0.99:47247')])
      for (let n = 0; n < 5; n++) world.inject({ from, to: a.path, bytes: hint });
    world.run(300);
    expect([...a.engine.node.sas.sas()].length).toBe(sas);
    expect(a.counter('element-no-entry-hop-ignored')).toBeGreaterThanOrEqual(10);
  });

  it('carries nothing between two that are inside: they reach each other by themselves', () => {
    const { world, a, g, z } = oneGen('neighbours');
    world.send(a, numbered(a, z, 1));
    world.run(500);
    expect(numbersOf(z)).toEqual([1]);
    expect(world.seen.filter(({ from, bytes }) => from === g.path && bytes[0] !== 0x30)).toEqual([]);
  });

  it('lets no element below take an index of its own', () => {
    const { world, a, b, g } = oneGen('own index');
    world.send(a, numbered(a, b, 1));
    world.run(300);
    const channel = channelOf(world, a);
    const ddeFrom = (index: number) =>
      makeDde(nodeProvider, seededRandom(`dde ${index}`), {
        ephemeral: nodeProvider.x25519KeyPair(nodeProvider.sha256(Uint8Array.of(9))).publicKey,
        index,
        rekeyIndex: 0,
        domain: b.keys.domain()[0],
        listed: [],
        cid: { ...PORTS, source: padAddress(a.address(4)), destination: padAddress(b.address(4)) },
        suites: [1],
        mtu: 1_400,
        caps: { lanes: 1, noGms: true, type: 'ges' },
      }).bytes;
    vi.spyOn(g.engine.node.sas, 'byIndex').mockImplementation((index) =>
      index === 0x4000 ? [...a.engine.node.sas.sas()][0] : undefined,
    );
    for (const index of [0x4000, 0x5000]) {
      world.inject({ from: a.path, to: g.path, bytes: concat(encodeFrame(channel), ddeFrom(index)) });
      world.run(20);
    }
    expect(g.counter('element-index-taken')).toBe(1);
    expect(sentBy(world, g, 0x01).length).toBe(2);
  });

  it('lets no element below take an index that a neighbour has', () => {
    const { world, a, b, z, g } = oneGen('indices');
    world.send(a, numbered(a, b, 1));
    world.send(z, numbered(z, b, 1));
    world.run(300);
    const framesOf = (node: SimNode, kind: number) =>
      world.seen.filter(({ from, bytes }) => from === node.path && bytes[0] === 0x20 && bytes[8] === kind);
    const [stolen] = framesOf(a, 1);
    const [own] = framesOf(z, 1);
    // z's channel to b, with a's DDE in it: its index is a's
    const forged = concat(own.bytes.subarray(0, 8), stolen.bytes.subarray(8));
    world.inject({ from: z.path, to: g.path, bytes: forged });
    world.run(20);
    expect(g.counter('element-index-taken')).toBe(1);
  });

  it('W2: neither throws nor makes an entry, whatever hostile bytes are made of', () => {
    const { world, a, b, g } = oneGen('hostile');
    world.send(a, numbered(a, b, 1));
    world.run(300);
    const genuine = world.seen.map(({ bytes, from, to }) => ({ bytes, from, to })).filter(({ to }) => to !== b.path);
    const counted = g.engine.elements.relay.relays.size;
    const altered = fc.tuple(fc.nat(genuine.length - 1), fc.nat(), fc.integer({ min: 1, max: 255 }), fc.nat(2));
    fc.assert(
      fc.property(fc.oneof(altered, fc.uint8Array({ minLength: 1, maxLength: 400 })), (made) => {
        const [at, place, mask, cut] = made instanceof Uint8Array ? [0, 0, 0, 0] : made;
        const { from, to, bytes } = genuine[at];
        const changed = bytes.map((byte, index) => (index === place % bytes.length ? byte ^ mask : byte));
        const arrived = made instanceof Uint8Array ? made : changed.subarray(0, changed.length - cut);
        world.at(to)?.receive(arrived, from, world.now);
      }),
      { numRuns: 2_000 },
    );
    expect(g.engine.elements.relay.relays.size).toBe(counted);
    world.send(a, numbered(a, b, 2));
    world.run(500);
    expect(numbersOf(b)).toEqual([1, 2]);
  });
});

describe('an element', () => {
  it('C5: believes no gateway that is not a GEN by its certificate', () => {
    const { world, b, g } = oneGen('false gateway');
    world.authority.add('y', ['office']);
    const y = world.node('y', '10.1.0.7:47247');
    y.engine.elements.seek([g.path], world.now);
    const [query] = y.carryOut();
    const [domain] = b.keys.domain();
    const { xPublic, xSecret, credential } = b.keys.identity();
    const liar = answerElement(
      nodeProvider,
      {
        static: { publicKey: xPublic, secretKey: xSecret },
        ephemeral: nodeProvider.x25519KeyPair(nodeProvider.sha256(Uint8Array.of(1))),
        psk: elementPsk(nodeProvider, domain.kTag),
        credential,
        index: 5,
      },
      query.bytes,
    );
    if (typeof liar === 'string') throw new Error(liar);
    expect(y.receive(liar.answer, g.path, world.now)).toEqual([]);
    expect(y.counter('element-answer-credential')).toBe(1);
    expect(y.engine.elements.above).toBeUndefined();
  });

  it('believes no certificate that the authority did not sign', () => {
    const { a, world } = oneGen('certificates');
    a.engine.elements.certificates.learn(new Uint8Array(200).fill(3), world.now);
    expect(a.counter('element-certificate-refused')).toBe(1);
  });
});
