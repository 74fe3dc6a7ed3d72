import { describe, expect, it } from 'vitest';
import { numbered, numbersOf } from './packets.ts';
import { keysHeld, restartFromCache, sendsUnder, served } from './served.ts';
import { lossCounters, NO_LOSS, talk, upTo } from './traffic.ts';
import type { SimNode } from './world.ts';

const DAY = 86_400;
const HOUR = 3_600;

function trio(retain: 'migrate' | 'flow' = 'migrate', lease = 3 * DAY) {
  const { world, server, nodes } = served(['a', 'b', 'c'], { retain, lease });
  const [a, b, c] = nodes;
  // what was before the last member came is out of its grace
  world.run(61_000, 500);
  const [first] = world.authority.versions('office');
  return { world, server, a, b, c, first };
}

const newest = (node: SimNode) => node.keys.groups()[0].versions.find(({ state }) => state === 'current')?.v;

describe('a member that is versions behind', () => {
  const rows = [1, 2, 3, 12].flatMap((rolls) =>
    (['migrate', 'flow'] as const).map((retain) => [rolls, retain] as const),
  );

  it.each(
    rows,
  )('%i of them, gets newer keys when somebody speaks to it, and the packet arrives once: retain=%s', (rolls, retain) => {
    const { world, server, a, b, first } = trio(retain);
    for (let roll = 0; roll < rolls; roll++) {
      world.authority.roll('office');
      server.push(a);
      world.run(1_000, 20);
    }
    world.run(60_000, 500);
    world.send(a, numbered(a, b, 1));
    world.run(1_000);
    expect(numbersOf(b)).toEqual([1]);
    expect([newest(a), newest(b)]).toEqual([first + rolls, first + rolls]);
  });

  it.each(
    rows,
  )('%i of them, gets newer keys when it speaks itself, and the packet arrives once: retain=%s', (rolls, retain) => {
    const { world, server, a, b, first } = trio(retain);
    for (let roll = 0; roll < Math.min(rolls, 7); roll++) {
      world.authority.roll('office');
      server.push(a);
      world.run(1_000, 20);
    }
    world.run(60_000, 500);
    world.send(b, numbered(b, a, 1));
    world.run(1_000);
    expect(numbersOf(a)).toEqual([1]);
    expect(newest(b)).toBe(first + Math.min(rolls, 7));
  });
});

describe('rolls one second apart', () => {
  it.each([
    'migrate',
    'flow',
  ] as const)('of both ends at once lose nothing, and one who was off meanwhile finds the others: retain=%s', (retain) => {
    const { world, server, a, b, c } = trio(retain);
    let n = talk(world, a, b, 1_000, 20, 0);
    world.switchOff(c);
    for (let roll = 0; roll < 25; roll++) {
      world.authority.roll('office');
      server.push(a, b);
      n = talk(world, a, b, 1_000, 20, n);
    }
    n = talk(world, a, b, 5_000, 20, n);
    world.run(100);
    expect(numbersOf(b)).toEqual(upTo(n));
    expect(numbersOf(a)).toEqual(upTo(n));
    expect(lossCounters(a, b)).toEqual(NO_LOSS);
    const back = restartFromCache(world, c);
    server.push(back);
    world.send(back, numbered(back, a, 1_000_000));
    world.send(b, numbered(b, back, 1_000_001));
    world.run(500);
    expect(numbersOf(a)).toContain(1_000_000);
    expect(numbersOf(back)).toEqual([1_000_001]);
    expect(newest(back)).toBe(world.authority.versions('office')[0]);
  });
});

describe('a handshake that a roll overtakes', () => {
  it('ends under the version that it began with, carries what waited for it, and gives way to the new one', () => {
    const { world, server, a, b, first } = trio();
    world.delay = 60;
    world.send(a, numbered(a, b, 1));
    world.run(70);
    world.authority.roll('office');
    server.push(a, b);
    world.run(300);
    const versions = (node: SimNode) => [...node.engine.node.sas.sas()].map(({ version }) => version);
    expect([newest(a), newest(b), versions(a), versions(b)]).toEqual([first + 1, first + 1, [first], [first]]);
    expect(numbersOf(b)).toEqual([1]);
    let n = 2;
    for (; n < 620; n++) {
      world.send(a, numbered(a, b, n));
      world.run(100, 10);
    }
    world.run(100);
    expect(numbersOf(b)).toEqual(upTo(n).slice(1));
    expect([...new Set(versions(a))]).toEqual([first, first + 1]);
    expect([sendsUnder(a, b), sendsUnder(b, a)]).toEqual([[first + 1], [first + 1]]);
    // its receive side stays until its cap, as that of any other
    world.run(210_000, 500);
    expect([...versions(a), ...versions(b)]).not.toContain(first);
  });
});

describe('a group that was stopped', () => {
  it('R6: stays so after a restart, whatever newer keys come', () => {
    const { world, server, a, b } = trio();
    const kept = b.keys.toCache();
    const groups = kept.groups.map((group) => ({ ...group, stopped: true, versions: [] }));
    const back = restartFromCache(world, b, {}, { ...kept, groups });
    world.authority.roll('office');
    server.push(a, back);
    expect(back.keys.groups()).toMatchObject([{ stopped: true }]);
    expect(back.keys.toCache().groups).toMatchObject([{ stopped: true, versions: [] }]);
    world.send(a, numbered(a, back, 1));
    world.send(back, numbered(back, a, 2));
    world.run(1_000);
    expect([numbersOf(a), numbersOf(back)]).toEqual([[], []]);
  });
});

describe('a new flow after a removal', () => {
  it('from the network waits for a peer without the new keys, and goes as soon as it has them', () => {
    const { world, server, a, b } = trio();
    server.up = false;
    world.authority.remove('c');
    server.push(a);
    world.send(a, numbered(a, b, 1));
    world.run(2_000);
    expect(numbersOf(b)).toEqual([]);
    server.push(b);
    world.run(5);
    expect(numbersOf(b)).toEqual([1]);
  });

  it('from the group alone likewise', () => {
    const { world, server, a, b } = trio();
    server.up = false;
    world.authority.leave('c', 'office');
    server.push(a);
    world.send(a, numbered(a, b, 1));
    // b holds the request while it would fetch, and then answers as what it is
    world.run(2_500);
    expect([numbersOf(b), [...b.engine.node.sas.sas()]]).toEqual([[], []]);
    server.push(b);
    world.run(5);
    expect(numbersOf(b)).toEqual([1]);
    expect(sendsUnder(a, b)).toEqual([newest(b)]);
  });

  it('is tried again a second after it failed for the keys of the peer', () => {
    const { world, server, a, b } = trio();
    server.up = false;
    world.authority.leave('c', 'office');
    server.push(a);
    for (let second = 0; second < 30; second++) {
      world.send(a, numbered(a, b, second));
      world.run(1_000, 20);
    }
    expect(a.counter('discarded-peer-behind')).toBeGreaterThan(0);
    server.push(b);
    world.run(1_000, 20);
    world.send(a, numbered(a, b, 100));
    world.run(1_000, 20);
    expect(numbersOf(b)).toContain(100);
  });
});

describe('a node that is removed and added again', () => {
  it('V3: keeps nothing from before, also at a node that hears of both at once', () => {
    const { world, server, a, b, c } = trio();
    world.send(c, numbered(c, a, 1));
    world.send(c, numbered(c, b, 1));
    world.run(100);
    const before = [...a.engine.node.sas.sas()].filter(({ peer }) => peer === c.keys.self().id);
    expect(before).toHaveLength(1);
    world.authority.remove('c');
    world.authority.addAgain('c', ['office']);
    server.push(a);
    expect([...a.engine.node.sas.sas()].filter((sa) => before.includes(sa))).toEqual([]);
    server.push(b, c);
    world.run(1_000, 20);
    world.send(c, numbered(c, a, 2, 6_000));
    world.send(a, numbered(a, c, 3, 6_001));
    world.run(1_000, 20);
    expect([numbersOf(a), numbersOf(c)]).toEqual([[1, 2], [3]]);
    const [last] = world.authority.versions('office');
    expect(keysHeld(c)).toEqual([last]);
  });
});

describe('a clock that is a day off', () => {
  it.each([
    -DAY,
    DAY,
  ])('by %i s brings no version into force before or after its time, where a server told the time', (error) => {
    const { world, server, a, b, first } = trio();
    for (const node of [a, b]) node.clockError = node === a ? error : 0;
    let n = talk(world, a, b, 1_000, 50, 0);
    world.authority.roll('office', 30);
    server.push(a, b);
    n = talk(world, a, b, 25_000, 100, n);
    expect([newest(a), newest(b)]).toEqual([first, first]);
    n = talk(world, a, b, 70_000, 100, n);
    expect([newest(a), newest(b)]).toEqual([first + 1, first + 1]);
    expect([sendsUnder(a, b), sendsUnder(b, a)]).toEqual([[first + 1], [first + 1]]);
    expect(numbersOf(b)).toEqual(upTo(n));
    expect(numbersOf(a)).toEqual(upTo(n));
  });

  it.each([-DAY, DAY])('by a step of %i s drops all SAs; the pair talks again within a second', (error) => {
    const { world, a, b } = trio();
    talk(world, a, b, 1_000, 50, 0);
    a.clockError = error;
    a.engine.handleClockJump(world.now);
    world.send(a, numbered(a, b, 5_000, 7_000));
    world.run(200);
    for (const node of [a, b]) node.received.length = 0;
    const n = talk(world, a, b, 2_000, 50, 0);
    world.run(100);
    expect([numbersOf(b), numbersOf(a)]).toEqual([upTo(n), upTo(n)]);
  });

  it('R5: never makes the lease longer: what a step forward ended stays ended when the clock goes back', () => {
    const { world, a, b } = trio('migrate', HOUR);
    a.clockError = DAY;
    a.engine.tick(world.now);
    a.keys.unixNow();
    a.clockError = 0;
    world.send(a, numbered(a, b, 1));
    world.run(1_000);
    expect(numbersOf(b)).toEqual([]);
    expect(a.counter('discarded-lease-expired')).toBeGreaterThan(0);
  });
});

describe('a lease', () => {
  it('that ends admits nobody, while what runs goes on to its caps; a newer bundle renews it', () => {
    const { world, server, a, b } = trio('migrate', 300);
    let n = talk(world, a, b, 200_000, 1_000, 0);
    server.up = false;
    n = talk(world, a, b, 60_000, 1_000, n);
    // the lease is over: flows in live SAs go on, new ones do not begin
    expect(numbersOf(b)).toEqual(upTo(n));
    world.send(a, numbered(a, b, 1_000_000, 8_000));
    world.run(1_000, 20);
    expect(numbersOf(b)).toEqual(upTo(n));
    talk(world, a, b, 400_000, 1_000, 2_000_000);
    for (const node of [a, b]) expect([...node.engine.node.sas.sas()]).toEqual([]);
    // the same version, with a later end
    const before = newest(a);
    server.push(a, b);
    expect(newest(a)).toBe(before);
    world.run(11_000, 50);
    for (const node of [a, b]) node.received.length = 0;
    world.send(a, numbered(a, b, 7, 9_000));
    world.run(100);
    expect(numbersOf(b)).toEqual([7]);
    n = talk(world, a, b, 2_000, 50, 0);
    world.run(100);
    expect(numbersOf(a)).toEqual(upTo(n));
  });
});
