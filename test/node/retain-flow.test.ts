import { describe, expect, it } from 'vitest';
import { numbered, numbersOf } from './packets.ts';
import { keysHeld, sendsUnder, served } from './served.ts';
import { lossCounters, NO_LOSS, talk, upTo } from './traffic.ts';
import type { SimNode } from './world.ts';

const DAY = 86_400;

function pair() {
  const { world, server, nodes } = served(['a', 'b'], { retain: 'flow' });
  const [a, b] = nodes;
  const [first] = world.authority.versions('office');
  return { world, server, a, b, first };
}

/** Entries by the version of their SA. */
function entriesUnder(node: SimNode): Record<number, number> {
  const { pit, owners } = node.engine.node;
  const found: Record<number, number> = {};
  for (const owner of owners.numbers()) {
    const chain = owners.owner(owner)?.chain ?? 0;
    if (pit.countOf(owner) > 0) found[chain] = pit.countOf(owner);
  }
  return found;
}

describe('a flow under retain=flow', () => {
  it('stays on the key that admitted it, over rolls and rekeys, while new flows go under the newest', () => {
    const { world, server, a, b, first } = pair();
    let n = talk(world, a, b, 1_000, 50, 0);
    for (let roll = 1; roll <= 3; roll++) {
      world.authority.roll('office');
      server.push(a, b);
      n = talk(world, a, b, 150_000, 500, n);
      world.send(a, numbered(a, b, 1_000_000 + roll, 7_000 + roll));
      world.run(50);
    }
    expect(entriesUnder(a)).toEqual({ [first]: 2, [first + 3]: 1 });
    expect(entriesUnder(b)).toEqual({ [first]: 2, [first + 3]: 1 });
    expect(keysHeld(a)).toEqual([first + 3, first]);
    expect(sendsUnder(a, b)).toContain(first);
    expect(numbersOf(b).filter((it) => it < 1_000_000)).toEqual(upTo(n));
    expect(numbersOf(b).filter((it) => it > 1_000_000)).toEqual([1_000_001, 1_000_002, 1_000_003]);
    expect(numbersOf(a)).toEqual(upTo(n));
    expect(lossCounters(a, b)).toEqual(NO_LOSS);
  });

  it('is rekeyed under its key by an end that does not know yet that it was replaced', () => {
    const { world, server, a, b, first } = pair();
    let n = talk(world, a, b, 1_000, 50, 0);
    world.authority.roll('office');
    server.push(b);
    n = talk(world, a, b, 400_000, 500, n);
    expect([keysHeld(a), keysHeld(b)]).toEqual([[first], [first + 1, first]]);
    expect([sendsUnder(a, b), sendsUnder(b, a)]).toEqual([[first], [first]]);
    expect(numbersOf(b)).toEqual(upTo(n));
    expect(numbersOf(a)).toEqual(upTo(n));
    expect(lossCounters(a, b)).toEqual(NO_LOSS);
    expect(server.fetches.size).toBe(0);
  });

  it('takes its key with it when it ends: a chain without flows is not rekeyed', () => {
    const { world, server, a, b, first } = pair();
    talk(world, a, b, 100_000, 1_000, 0);
    world.authority.roll('office');
    server.push(a, b);
    talk(world, a, b, 5_000, 1_000, 200);
    const made = [...a.engine.node.sas.sas()].map(({ local }) => local);
    for (const node of [a, b]) node.engine.flush(false, world.now);
    world.run(40_000, 100);
    expect([...a.engine.node.sas.sas()].every(({ local }) => made.includes(local))).toBe(true);
    expect([keysHeld(a), keysHeld(b)]).toEqual([
      [first + 1, first],
      [first + 1, first],
    ]);
    // the grace is over, too
    world.run(21_000, 100);
    expect([keysHeld(a), keysHeld(b)]).toEqual([[first + 1], [first + 1]]);
  });

  it('lives on through more rolls than versions are kept of other groups', () => {
    const { world, server, a, b, first } = pair();
    let n = talk(world, a, b, 1_000, 50, 0);
    for (let roll = 0; roll < 20; roll++) {
      world.authority.roll('office');
      server.push(a, b);
      n = talk(world, a, b, 1_000, 100, n);
    }
    n = talk(world, a, b, 300_000, 500, n);
    expect(sendsUnder(a, b)).toEqual([first]);
    expect(keysHeld(a)).toEqual([first + 20, first]);
    expect(numbersOf(b)).toEqual(upTo(n));
    expect(numbersOf(a)).toEqual(upTo(n));
  });

  it('moves to the newest key 24 hours after the roll, without a loss', () => {
    const { world, server, a, b, first } = pair();
    let n = talk(world, a, b, 1_000, 50, 0);
    // both hear late of a roll that came into force most of a day ago
    world.authority.roll('office', 400 - DAY);
    server.push(a, b);
    n = talk(world, a, b, 390_000, 1_000, n);
    expect([keysHeld(a), entriesUnder(a)]).toEqual([[first + 1, first], { [first]: 2 }]);
    n = talk(world, a, b, 15_000, 50, n);
    expect([keysHeld(a), keysHeld(b)]).toEqual([[first + 1], [first + 1]]);
    n = talk(world, a, b, 300_000, 500, n);
    expect([entriesUnder(a), entriesUnder(b)]).toEqual([{ [first + 1]: 2 }, { [first + 1]: 2 }]);
    expect(sendsUnder(a, b)).toEqual([first + 1]);
    expect(numbersOf(b)).toEqual(upTo(n));
    expect(numbersOf(a)).toEqual(upTo(n));
    expect(lossCounters(a, b)).toEqual(NO_LOSS);
  });

  it('moves at once after a removal, and the old keys are gone everywhere', () => {
    const { world, server, nodes } = served(['a', 'b', 'c'], { retain: 'flow' });
    const [a, b, c] = nodes;
    world.send(c, numbered(c, a, 0, 6_000));
    world.run(50);
    a.received.length = 0;
    let n = talk(world, a, b, 1_000, 50, 0);
    world.authority.remove('c');
    const [newest] = world.authority.versions('office');
    server.push(a, b);
    n = talk(world, a, b, 100_000, 200, n);
    expect([entriesUnder(a), entriesUnder(b)]).toEqual([{ [newest]: 2 }, { [newest]: 2 }]);
    for (const node of [a, b]) {
      expect(keysHeld(node)).toEqual([newest]);
      expect([...node.engine.node.sas.sas()].every(({ version }) => version === newest)).toBe(true);
    }
    expect(numbersOf(b)).toEqual(upTo(n));
    expect(numbersOf(a)).toEqual(upTo(n));
  });

  it('goes on when the peer has started again and knows nothing of its chain', () => {
    const { world, server, a, b, first } = pair();
    let n = talk(world, a, b, 1_000, 50, 0);
    world.authority.roll('office');
    server.push(a, b);
    n = talk(world, a, b, 70_000, 500, n);
    const fresh = world.restart(b, { served: true });
    n = talk(world, a, fresh, 40_000, 500, n);
    a.received.length = 0;
    fresh.received.length = 0;
    n = talk(world, a, fresh, 5_000, 100, 0);
    expect(numbersOf(fresh)).toEqual(upTo(n));
    expect(numbersOf(a)).toEqual(upTo(n));
    expect(entriesUnder(a)).toEqual({ [first + 1]: 2 });
  });

  it.each(['flow', 'migrate'] as const)('moves without a loss when the policy of its group becomes %s', (retain) => {
    const { world, server, nodes } = served(['a', 'b'], { retain: retain === 'flow' ? 'migrate' : 'flow' });
    const [a, b] = nodes;
    let n = talk(world, a, b, 1_000, 50, 0);
    const before = entriesUnder(a);
    world.authority.served = { retain, lease: 3 * DAY };
    server.push(a, b);
    n = talk(world, a, b, 5_000, 50, n);
    expect(Object.keys(entriesUnder(a))).not.toEqual(Object.keys(before));
    expect(entriesUnder(b)).toEqual(entriesUnder(a));
    n = talk(world, a, b, 300_000, 500, n);
    expect(numbersOf(b)).toEqual(upTo(n));
    expect(numbersOf(a)).toEqual(upTo(n));
    expect(lossCounters(a, b)).toEqual(NO_LOSS);
  });
});

describe('a second flow inside an SA whose version the peer has replaced', () => {
  it.each(['flow', 'migrate'] as const)('waits for newer keys and arrives once, under retain=%s', (retain) => {
    const { world, server, nodes } = served(['a', 'b'], { retain });
    const [a, b] = nodes;
    const [first] = world.authority.versions('office');
    // the SA is a's, so that nothing of b's moves a
    talk(world, a, b, 1_000, 50, 0);
    server.up = false;
    world.authority.roll('office');
    server.push(b);
    world.run(70_000, 50);
    for (const node of [a, b]) node.received.length = 0;
    if (retain === 'flow') expect(sendsUnder(a, b)).toEqual([first]);
    server.up = true;
    server.delay = 4_000;
    for (let n = 0; n < 5; n++) world.send(a, numbered(a, b, n, 7_000));
    world.run(6_000);
    expect(numbersOf(b)).toEqual([0, 1, 2, 3, 4]);
    expect(keysHeld(a)[0]).toBe(first + 1);
    expect(a.counter('held-expired')).toBe(0);
  });
});

describe('a client that waits for newer keys', () => {
  function waiting(delay: number) {
    const { world, server, a, b, first } = pair();
    world.authority.roll('office');
    server.push(b);
    world.run(70_000, 500);
    server.delay = delay;
    world.send(a, numbered(a, b, 1));
    return { world, server, a, b, first };
  }

  it.each([50, 2_900, 3_500, 9_000])('for %i ms keeps its packet, and sends it once', (delay) => {
    const { world, a, b } = waiting(delay);
    world.run(delay + 500);
    expect(numbersOf(b)).toEqual([1]);
    expect(a.counter('held-expired')).toBe(0);
  });

  it('for more than ten seconds drops its packet and counts it; the next one goes when the keys are there', () => {
    const { world, a, b } = waiting(12_000);
    world.run(13_000, 10);
    expect([numbersOf(b), a.counter('held-expired')]).toEqual([[], 1]);
    world.send(a, numbered(a, b, 2));
    world.run(100);
    expect(numbersOf(b)).toEqual([2]);
  });

  it('holds packets for it within the bounds of all held packets', () => {
    const { world, a, b } = waiting(5_000);
    for (let n = 2; n <= 200; n++) world.send(a, numbered(a, b, n));
    expect(a.engine.node.held.packets).toBe(64);
    world.run(6_000, 10);
    expect(numbersOf(b)).toHaveLength(64);
    expect(a.counter('held-destination-full')).toBe(136);
  });

  it('fetches again when a newer roll came right after its last fetch', () => {
    const { world, server, a, b } = waiting(50);
    world.run(500);
    // a removal: there is no grace for what a has just fetched
    world.authority.add('c', ['office']);
    world.authority.leave('c', 'office');
    for (const node of [a, b]) node.engine.flush(true, world.now);
    server.push(b);
    world.send(a, numbered(a, b, 2));
    world.run(6_000);
    expect(numbersOf(b)).toEqual([1, 2]);
    expect(server.fetches.get('a')).toBe(2);
  });
});
