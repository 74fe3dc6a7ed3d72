import { describe, expect, it } from 'vitest';
import type { CoordinatorPlace } from '../../src/api/channel/services.ts';
import { millis } from '../../src/base/brands.ts';
import { pathAddress } from '../../src/base/path-address.ts';
import { CoordinatorList, PLACES_LAST } from '../../src/server/coordinator-list.ts';

const place = (mark: number): CoordinatorPlace => ({
  key: new Uint8Array(32).fill(mark),
  endpoints: [pathAddress(`192.0.2.${mark}:47247`)],
  tunnels: [`192.0.2.${mark}:47247`],
});

describe('the coordinators of a network', () => {
  it('are named with the own one first, and the others in one order', () => {
    const list = new CoordinatorList();
    list.own = [place(9)];
    list.hear('b', [place(2)], millis(0));
    list.hear('a', [place(1)], millis(0));
    expect(list.all()).toEqual([place(9), place(1), place(2)]);
  });

  it('are news when another comes, moves or goes, and not when it says the same again', () => {
    const list = new CoordinatorList();
    expect(list.hear('a', [place(1)], millis(0))).toBe(true);
    expect(list.hear('a', [place(1)], millis(1))).toBe(false);
    expect(list.hear('a', [place(2)], millis(2))).toBe(true);
    expect(list.hear('a', [], millis(3))).toBe(true);
    expect(list.hear('a', [], millis(4))).toBe(false);
    expect(list.all()).toEqual([]);
  });

  it('are named once, and news, when one was killed and another process is at its place', () => {
    const list = new CoordinatorList();
    list.own = [place(9)];
    list.hear('a', [place(1)], millis(0));
    expect(list.hear('b', [place(1)], millis(1))).toBe(true);
    expect(list.all()).toEqual([place(9), place(1)]);
  });

  it('are forgotten when their process falls silent', () => {
    const list = new CoordinatorList();
    list.hear('a', [place(1)], millis(0));
    list.hear('a', [place(1)], millis(1_000));
    expect(list.tick(millis(PLACES_LAST + 999))).toBe(false);
    expect(list.all()).toEqual([place(1)]);
    expect(list.tick(millis(PLACES_LAST + 1_000))).toBe(true);
    expect(list.all()).toEqual([]);
  });

  it('are at most eight', () => {
    const list = new CoordinatorList();
    for (let each = 1; each < 12; each++) list.hear(`p${each}`, [place(each)], millis(0));
    expect(list.all()).toHaveLength(8);
  });
});
