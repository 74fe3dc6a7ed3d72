import { describe, expect, it } from 'vitest';
import { millis } from '../../src/base/brands.ts';
import { Held, type HeldPacket } from '../../src/pit/held.ts';

const FROM = 'from';
const packet = (since: number): HeldPacket => ({
  ...{ bytes: new Uint8Array(100), kind: 0, gsoSize: 0, headerLength: 0, l4Offset: 0, datagram: undefined },
  since: millis(since),
});

describe('packets of a destination whose flows wait for newer keys', () => {
  it('are held for 10 s, also those that come later; the others for 3 s', () => {
    const held = new Held();
    held.hold(FROM, 'keys', packet(0));
    held.hold(FROM, 'other', packet(0));
    held.waitForKeys('keys');
    held.hold(FROM, 'keys', packet(1_000));
    held.expire(millis(3_000));
    expect(held.destinations()).toEqual(['keys']);
    expect(held.packets).toBe(2);
    held.expire(millis(10_000));
    expect(held.packets).toBe(1);
    held.expire(millis(11_000));
    expect([held.packets, held.dropped.get('held-expired')]).toEqual([0, 3]);
  });

  it('wait for 3 s again once none is left', () => {
    const held = new Held();
    held.hold(FROM, 'keys', packet(0));
    held.waitForKeys('keys');
    expect(held.release('keys')).toHaveLength(1);
    held.hold(FROM, 'keys', packet(0));
    held.expire(millis(3_000));
    expect(held.packets).toBe(0);
  });
});
