import { describe, expect, it } from 'vitest';
import { millis } from '../../src/base/brands.ts';
import { domainVersion, kindOf, pair } from './negotiation-world.ts';

const RGI = 2;

/** Alice has a newer domain key; her DDE is under way to Bob, who has not. */
function early() {
  const { a, b, world, cid } = pair();
  b.domain = [domainVersion(1)];
  a.domain = [domainVersion(2), domainVersion(1)];
  world.start(a, b, cid);
  return { a, b, world, cid, dde: world.take() };
}

describe('a DDE under a domain key that is not held yet', () => {
  it('W2: is answered by nothing, and read when the key comes', () => {
    const { a, b, world, dde } = early();
    expect(b.negotiations.handleDatagram(dde.bytes, a.path, world.now)).toEqual([
      { kind: 'counter', name: 'dde-domain' },
    ]);
    expect(b.negotiations.open.answered).toBe(0);
    b.domain = [domainVersion(2), domainVersion(1)];
    const sent = b.negotiations.versionsChanged(world.now).filter((effect) => effect.kind === 'send');
    expect(sent.map(({ bytes, to }) => [bytes[0], to])).toEqual([[RGI, a.path]]);
    // once
    expect(b.negotiations.versionsChanged(world.now)).toEqual([]);
  });

  it('is read as soon as the key comes into force by the clock', () => {
    const { a, b, world, dde } = early();
    b.negotiations.handleDatagram(dde.bytes, a.path, world.now);
    b.domain = [domainVersion(2), domainVersion(1)];
    expect(b.negotiations.tick(world.now).some((effect) => effect.kind === 'send')).toBe(true);
  });

  it('is forgotten after 15 s, when its sender has given up', () => {
    const { a, b, world, dde } = early();
    b.negotiations.handleDatagram(dde.bytes, a.path, world.now);
    b.domain = [domainVersion(2), domainVersion(1)];
    expect(b.negotiations.versionsChanged(millis(world.now + 15_000))).toEqual([]);
  });

  it('makes room for a newer one beyond 64; noise displaces, and causes nothing else', () => {
    const { a, b, world, dde } = early();
    const noise = (n: number) => {
      const bytes = dde.bytes.slice();
      new DataView(bytes.buffer).setUint32(172, n);
      return bytes;
    };
    b.negotiations.handleDatagram(dde.bytes, a.path, world.now);
    for (let n = 1; n <= 63; n++) b.negotiations.handleDatagram(noise(n), a.path, world.now);
    // a repeat takes no further place
    for (let n = 0; n < 10; n++) b.negotiations.handleDatagram(dde.bytes, a.path, world.now);
    const before = b.domain;
    b.domain = [domainVersion(2), domainVersion(1)];
    expect(b.negotiations.versionsChanged(world.now).filter(({ kind }) => kind === 'send')).toHaveLength(1);
    b.domain = before;
    b.negotiations.versionsChanged(world.now);
    for (let n = 100; n < 300; n++) b.negotiations.handleDatagram(noise(n), a.path, world.now);
    b.domain = [domainVersion(3), domainVersion(2), domainVersion(1)];
    const effects = b.negotiations.versionsChanged(world.now);
    expect(effects).toHaveLength(64);
    expect(effects.every((effect) => effect.kind === 'counter' && effect.name === 'dde-auth')).toBe(true);
    expect(world.log.map(kindOf)).toEqual([1]);
  });
});
