import { describe, expect, it } from 'vitest';
import { millis, nodeId } from '../../../src/base/brands.ts';
import { concat } from '../../../src/base/bytes.ts';
import { pathAddress } from '../../../src/base/path-address.ts';
import { nodeProvider } from '../../../src/crypto/node-provider.ts';
import { NAT_KIND } from '../../../src/nat/constants.ts';
import { encodeFrame } from '../../../src/nat/relay-frame.ts';
import { encodeTunnelProbe, type TunnelProbe } from '../../../src/nat/tunnel-probe.ts';
import { numbered, numbersOf } from '../packets.ts';
import type { SimNode, World } from '../world.ts';
import { Below } from './below.ts';

const NOBODY = nodeId('00'.repeat(16));
const PLACE = pathAddress('192.0.2.1:47247');

/** `a` and `z` below GEN `g`, `b` outside of all, with whom both have spoken. */
function network(seed: string) {
  const net = new Below(seed);
  const b = net.ges('b', '192.0.2.9:47247', undefined);
  const g = net.gen('g', PLACE, undefined, '10.1.0.0/16');
  const a = net.ges('a', '10.1.0.5:47247', g);
  const z = net.ges('z', '10.1.0.6:47247', g);
  net.isSeenAt(a, g);
  net.settle([a, g], [z, g]);
  net.world.send(a, numbered(a, b, 1));
  net.world.send(z, numbered(z, b, 1));
  net.world.run(500);
  return { net, world: net.world, a, b, g, z };
}

/** By which an element has spoken. */
function channelOf({ seen }: World, element: SimNode, gen: SimNode): number {
  const frame = seen.find(({ from, to, bytes }) => from === element.path && to === gen.path && bytes[0] === 0x20);
  if (frame === undefined) throw new Error('no frame');
  return new DataView(frame.bytes.buffer, frame.bytes.byteOffset).getUint32(4);
}

function probe(pathId: number, more: Partial<TunnelProbe> = {}): Uint8Array {
  const key = { tempKey: new Uint8Array(32), sender: NOBODY, receiver: NOBODY };
  const ids = { pathId: new Uint8Array(8).fill(pathId), txid: new Uint8Array(12) };
  return encodeTunnelProbe(nodeProvider, key, {
    kind: 'request',
    ...ids,
    destination: PLACE,
    seen: undefined,
    ...more,
  });
}

describe('probes below a GEN', () => {
  it('go up in a channel, and what names their path comes down to who sent them', () => {
    const { world, a, b, g, z } = network('probes');
    const channel = channelOf(world, a, g);
    const sent = world.seen.length;
    const passed = (node: SimNode) =>
      world.seen.slice(sent).filter(({ to, bytes }) => to === node.path && [bytes[0], bytes[8]].includes(0x38));
    world.launch(g, g.receive(concat(encodeFrame(channel), probe(1)), a.path, world.now));
    expect(passed(b).map(({ from }) => from)).toEqual([g.path]);
    // of a path that nobody below has named it is for the GEN itself
    world.launch(g, g.receive(probe(2), b.path, world.now));
    world.launch(g, g.receive(probe(1), b.path, world.now));
    expect(passed(a).map(({ bytes }) => bytes[0])).toEqual([0x20]);
    // and nobody else below takes a path over
    const other = world.seen.filter(({ from, to }) => from === g.path && to === z.path).length;
    world.launch(g, g.receive(concat(encodeFrame(channelOf(world, z, g)), probe(1)), z.path, world.now));
    expect(g.counter('element-probe-taken')).toBe(1);
    world.launch(g, g.receive(probe(1), b.path, world.now));
    expect(world.seen.filter(({ from, to }) => from === g.path && to === z.path).length).toBe(other);
  });

  it('are limited for each element', () => {
    const { world, a, b, g } = network('too many probes');
    const channel = channelOf(world, a, g);
    const sent = world.seen.length;
    for (let count = 0; count < 300; count++)
      world.launch(g, g.receive(concat(encodeFrame(channel), probe(count % 200)), a.path, world.now));
    const passed = world.seen
      .slice(sent)
      .filter(({ to, bytes }) => to === b.path && bytes[0] === NAT_KIND.tunnelRequest);
    expect(passed.length).toBeLessThanOrEqual(100);
    expect(g.counter('element-probe-rate')).toBe(300 - passed.length);
  });
});

describe('an element below a GEN', () => {
  it('takes nothing that came past the GEN, but from inside of it', () => {
    const { world, a, b, g, z } = network('past');
    const data = world.seen.find(({ from, to, bytes }) => from === b.path && to === g.path && bytes[0] === 0x10);
    expect(a.counter('element-past-gen')).toBe(0);
    world.launch(a, a.receive(data?.bytes ?? new Uint8Array(40), b.path, world.now));
    expect(a.counter('element-past-gen')).toBe(1);
    world.launch(a, a.receive(data?.bytes ?? new Uint8Array(40), z.path, world.now));
    expect(a.counter('element-past-gen')).toBe(1);
    expect(numbersOf(b)).toEqual([1, 1]);
  });

  it('asks a router that is no GEN four times, and then ever more seldom', () => {
    const { world, b } = network('ordinary router');
    const router = pathAddress('192.0.2.254:47247');
    b.engine.elements.seek([router], world.now);
    const since = world.now;
    world.launch(b, b.carryOut());
    const asked = () => world.seen.filter(({ to, bytes }) => to === router && bytes[0] === 0x30);
    world.run(50_000, 50);
    expect(asked().length).toBe(4);
    expect(new Set(asked().map(({ bytes }) => bytes.length))).toEqual(new Set([376]));
    world.run(20_000, 50);
    expect(asked().length).toBe(8);
    // 1, 2, 4, 8, 16, 32 minutes, and then each hour
    world.run(3 * 3_600_000, 10_000);
    expect(asked().length).toBeLessThanOrEqual(4 * 9);
    expect(world.now - since).toBeGreaterThan(3 * 3_600_000);
    const before = asked().length;
    b.engine.elements.seek([router], millis(world.now), true);
    world.launch(b, b.carryOut());
    world.run(10_000, 50);
    expect(asked().length).toBe(before + 4);
  });
});
