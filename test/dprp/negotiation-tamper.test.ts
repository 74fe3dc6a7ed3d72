import { describe, expect, it } from 'vitest';
import { agreedKeys, pair, type TestNode } from './negotiation-world.ts';

/** Effects by which somebody else's bytes would have won anything. */
function gains(...nodes: readonly TestNode[]): number {
  return nodes.flatMap((node) => [
    ...node.of('install-receive'),
    ...node.of('install-send'),
    ...node.of('entry'),
    ...node.of('negotiated'),
    ...node.of('advance'),
  ]).length;
}

/** Every byte once with one bit changed, every shorter length, and one byte more. */
function* variants(bytes: Uint8Array): Generator<Uint8Array> {
  for (let at = 0; at < bytes.length; at++) {
    const changed = bytes.slice();
    changed[at] ^= 1 << (at % 8);
    yield changed;
  }
  for (let length = 0; length < bytes.length; length += 7) yield bytes.slice(0, length);
  yield Uint8Array.from([...bytes, 0]);
}

describe('tampering with one message', () => {
  it('W1, W2: no changed DDE leads to an SA, whatever the end GE answers', () => {
    const { a, b, world, cid } = pair();
    world.start(a, b, cid);
    const dde = world.take();
    for (const bytes of variants(dde.bytes)) {
      world.deliver(dde, bytes);
      // mac2 is checked under load only, and in no hash: with it changed the DDE is still Alice's.
      const mac2 = bytes.length === dde.bytes.length && bytes.slice(0, 268).every((byte, i) => byte === dde.bytes[i]);
      if (mac2) world.wire.length = 0;
      else world.run();
    }
    expect(gains(a, b)).toBe(0);
  });

  it('no changed RGI installs anything, and the right one still counts afterwards', () => {
    const { a, b, world, cid } = pair();
    world.start(a, b, cid);
    world.deliver();
    const rgi = world.take();
    for (const bytes of variants(rgi.bytes)) world.deliver(rgi, bytes);
    expect(gains(a, b)).toBe(0);
    expect(world.wire).toEqual([]);
    world.deliver(rgi);
    world.run();
    expect(agreedKeys(a, b).startSends).toEqual(agreedKeys(a, b).endReceives);
  });

  it('no changed MPIT installs anything, and the right one still counts afterwards', () => {
    const { a, b, world, cid } = pair();
    world.start(a, b, cid);
    world.deliver();
    world.deliver();
    const mpit = world.take();
    for (const bytes of variants(mpit.bytes)) world.deliver(mpit, bytes);
    expect(gains(b)).toBe(0);
    expect(world.wire).toEqual([]);
    world.deliver(mpit);
    world.run();
    expect(agreedKeys(a, b).startSends).toEqual(agreedKeys(a, b).endReceives);
  });

  it('no changed CDN confirms anything, and the right one still counts afterwards', () => {
    const { a, b, world, cid } = pair();
    world.start(a, b, cid);
    for (let i = 0; i < 3; i++) world.deliver();
    const cdn = world.take();
    for (const bytes of variants(cdn.bytes)) world.deliver(cdn, bytes);
    expect(a.of('install-send')).toEqual([]);
    expect(a.of('entry').every(({ state }) => state === 'provisional')).toBe(true);
    world.deliver(cdn);
    expect(a.of('install-send')).toHaveLength(1);
  });
});

describe('replaying a captured session', () => {
  it('H6: within 20 s gives cached bytes and nothing else', () => {
    const { a, b, world, cid } = pair();
    world.start(a, b, cid);
    world.run();
    const before = gains(a, b);
    const captured = world.log.slice();
    for (const datagram of captured) world.deliver(datagram);
    expect(world.wire.map(({ bytes }) => bytes)).toEqual([captured[1].bytes, captured[3].bytes]);
    world.run();
    expect(gains(a, b)).toBe(before);
  });

  it('after 20 s, and to a restarted node, gives no SA and no entry', () => {
    const { a, b, world, cid } = pair();
    world.start(a, b, cid);
    world.run();
    const before = gains(a, b);
    const captured = world.log.slice();
    world.pass(60_000);
    for (const datagram of captured) world.deliver(datagram);
    world.run();
    expect(gains(a, b)).toBe(before);
    const restarted = pair({ seed: 'again' }, { seed: 'again' });
    for (const datagram of captured) {
      const to = datagram.to === restarted.a.path ? restarted.a : restarted.b;
      restarted.world.apply(
        to,
        to.negotiations.handleDatagram(datagram.bytes, datagram.from.path, restarted.world.now),
      );
    }
    restarted.world.run();
    expect(gains(restarted.a, restarted.b)).toBe(0);
  });

  it('of one session into another mixes nothing', () => {
    const one = pair();
    one.world.start(one.a, one.b, one.cid);
    one.world.run();
    const { a, b, world, cid } = pair({ seed: 'again' }, { seed: 'again' });
    world.start(a, b, cid);
    world.deliver();
    for (const foreign of one.world.log) world.deliver(foreign);
    world.run();
    expect(agreedKeys(a, b).startSends).toEqual(agreedKeys(a, b).endReceives);
    expect(gains(a, b)).toBe(4 + 3 + 2);
  });
});
