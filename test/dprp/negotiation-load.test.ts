import { describe, expect, it } from 'vitest';
import { type Millis, millis, saIndex } from '../../src/base/brands.ts';
import { formatPath, type PathAddress, pathAddress } from '../../src/base/path-address.ts';
import { evenly, RateTable } from '../../src/base/rate-table.ts';
import { HalfOpenTable } from '../../src/dprp/half-open.ts';
import { flow, kindOf, pair, type TestNode, type World } from './negotiation-world.ts';

const [RGI, COOKIE] = [2, 5];

/** DDEs of Alice's, all different, each from an address of its own. */
function flood(a: TestNode, b: TestNode, world: World, count: number, from: (i: number) => PathAddress): number[] {
  const answers: number[] = [];
  for (let i = 0; i < count; i++) {
    const cid = flow('100.64.0.1', '100.64.0.2', i);
    const [dde] = a.negotiations.start({ cid, paths: [b.path], purpose: 'flow' }, world.now);
    a.negotiations.dropAll('dropped', world.now);
    if (dde.kind !== 'send') throw new Error(dde.kind);
    for (const effect of b.negotiations.handleDatagram(dde.bytes, from(i), world.now))
      if (effect.kind === 'send') answers.push(effect.bytes[0]);
  }
  return answers;
}

const spread = (i: number) => formatPath(4, Uint8Array.of(198, 51, i >> 8, i & 0xff), 1000);

describe('under load', () => {
  it('after 50 handshakes in a second only a DDE with a cookie is answered with RGI', () => {
    const { a, b, world, cid } = pair();
    const answers = flood(a, b, world, 80, spread);
    expect(answers.slice(0, 50).every((kind) => kind === RGI)).toBe(true);
    expect(answers.slice(51).every((kind) => kind === COOKIE)).toBe(true);
    world.start(a, b, cid);
    world.run();
    expect(world.log.map(kindOf)).toEqual([1, COOKIE, 1, RGI, 3, 4]);
    expect(b.of('install-receive')).toHaveLength(1);
  });

  it('two seconds of calm end it', () => {
    const { a, b, world, cid } = pair();
    flood(a, b, world, 80, spread);
    world.now = millis(world.now + 2_000);
    world.start(a, b, cid);
    world.run();
    expect(world.log.map(kindOf)).toEqual([1, RGI, 3, 4]);
  });

  it('a cookie serves its own source only, and no longer than two periods', () => {
    const { a, b, world, cid } = pair();
    flood(a, b, world, 60, spread);
    world.start(a, b, cid);
    world.deliver();
    world.deliver();
    const proven = world.take();
    const elsewhere = b.negotiations.handleDatagram(proven.bytes, pathAddress('192.0.2.1:1003'), world.now);
    expect(elsewhere.flatMap((effect) => (effect.kind === 'send' ? [effect.bytes[0]] : []))).toEqual([COOKIE]);
    a.negotiations.dropAll('dropped', world.now);
    world.wire.length = 0;
    world.now = millis(world.now + 240_000);
    flood(a, b, world, 60, spread);
    world.deliver(proven);
    expect(world.wire.map(kindOf)).toEqual([COOKIE]);
  });

  it('a start GE takes one cookie a sending, and none that it did not ask for', () => {
    const { a, b, world, cid } = pair();
    flood(a, b, world, 60, spread);
    world.start(a, b, cid);
    world.deliver();
    const cookie = world.take();
    const forged = cookie.bytes.slice();
    forged[40] ^= 1;
    world.deliver(cookie, forged);
    expect(a.counters()).toEqual(['cookie-auth']);
    world.deliver(cookie);
    world.deliver(cookie);
    expect(a.counters()).toEqual(['cookie-auth', 'cookie-repeated']);
    expect(world.wire.map(kindOf)).toEqual([1]);
  });

  it('one source with cookies is limited to its bucket, another is not', () => {
    const { a, b, world } = pair();
    flood(a, b, world, 60, spread);
    let answered = 0;
    for (let i = 0; i < 40; i++) {
      const cid = flow('100.64.0.1', '100.64.0.2', i);
      world.start(a, b, cid);
      world.deliver();
      if (world.wire[0] && kindOf(world.wire[0]) === COOKIE) world.deliver();
      if (world.wire[0]) world.deliver();
      if (world.wire[0] && kindOf(world.wire[0]) === RGI) answered += 1;
      world.wire.length = 0;
      a.negotiations.dropAll('dropped', world.now);
    }
    expect(answered).toBe(20);
    expect(b.counters().filter((name) => name === 'dde-source-rate')).toHaveLength(20);
  });
});

describe('the half-open table', () => {
  const entry = (n: number, relayed: boolean, since = 0) => ({
    key: `${n}`,
    index: saIndex(8 * n),
    relayed,
    since: millis(since),
  });

  it('H7: relayed DDEs share at most half of it, and 4,096 is all there is', () => {
    const table = new HalfOpenTable();
    for (let n = 1; n <= 2_048; n++) table.add(entry(n, true));
    expect(table.hasRoom(true)).toBe(false);
    expect(table.hasRoom(false)).toBe(true);
    for (let n = 2_049; n <= 4_096; n++) table.add(entry(n, false));
    expect(table.hasRoom(false)).toBe(false);
    table.removeWhere(({ relayed }) => relayed);
    expect(table.hasRoom(true)).toBe(true);
    expect(table.size).toBe(2_048);
  });

  it('keeps an entry 20 s, under load 5 s', () => {
    const table = new HalfOpenTable();
    table.add(entry(1, false, 0));
    table.add(entry(2, false, 10_000));
    expect(table.nextExpiry(false)).toBe(20_000);
    expect(table.expire(millis(14_999), true).map(({ key }) => key)).toEqual(['1']);
    expect(table.expire(millis(29_999), false)).toEqual([]);
    expect(table.expire(millis(30_000), false).map(({ key }) => key)).toEqual(['2']);
    expect(table.byKey('2')).toBeUndefined();
    expect(table.byIndex(saIndex(16))).toBeUndefined();
  });

  it('H7: a relayed DDE is limited by its channel, a direct one by its /32 or /64', () => {
    const { a, b, world } = pair();
    const same = flood(a, b, world, 60, () => 'relay:one/7' as PathAddress);
    expect(same.slice(51).every((kind) => kind === COOKIE)).toBe(true);
  });
});

describe('token buckets', () => {
  it('refill with time, count each name apart, and forget the longest unused', () => {
    const buckets = new RateTable<string>(evenly(2), 2);
    const take = (name: string, at: number) => buckets.take(name, millis(at) as Millis);
    expect([take('a', 0), take('a', 0), take('a', 0), take('b', 0)]).toEqual([true, true, false, true]);
    expect([take('a', 499), take('a', 500)]).toEqual([false, true]);
    take('b', 500);
    take('c', 500); // 'a' is forgotten
    expect([take('a', 500), take('a', 500), take('a', 500)]).toEqual([true, true, false]);
  });
});
