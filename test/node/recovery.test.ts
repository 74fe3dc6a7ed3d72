import { describe, expect, it } from 'vitest';
import { numbered, numbersOf, swapPorts } from './packets.ts';
import { talk, upTo } from './traffic.ts';
import { pair, type SimNode, type World } from './world.ts';

function met(seed = 'pair') {
  const joined = pair({}, seed);
  joined.world.send(joined.a, numbered(joined.a, joined.b, 0));
  joined.world.run(100);
  for (const node of [joined.a, joined.b]) node.received.length = 0;
  return joined;
}

const sasOf = (node: SimNode) => [...node.engine.node.sas.sas()];
const entriesOf = (node: SimNode) => node.engine.node.pit.entries.live;

/** Sends until something arrives; how many milliseconds that took. */
function untilHeard(world: World, from: SimNode, to: SimNode, most: number): number {
  const begin = world.now;
  const before = to.received.length;
  for (let n = 0; to.received.length === before && world.now - begin < most; n++) {
    world.send(from, numbered(from, to, n, 5_000));
    world.run(100, 20);
  }
  return world.now - begin;
}

describe('a node that forgets its flows', () => {
  it('tells the sender of data once per flow, and the flow goes on with the next packet', () => {
    const { world, a, b } = met();
    b.engine.flush(false, world.now);
    for (let n = 1; n < 20; n++) {
      world.send(a, numbered(a, b, n));
      world.run(20);
    }
    // the one that met no entry is lost, as on any link
    expect(numbersOf(b)).toEqual(upTo(20).slice(2));
    expect(b.counter('no-entry')).toBe(1);
    expect([entriesOf(a), entriesOf(b)]).toEqual([1, 1]);
    expect(a.engine.isBusy()).toBe(false);
  });

  it('hears of flows that the peer had opened, when it is the one that sends', () => {
    const { world, a, b } = met();
    b.engine.flush(false, world.now);
    for (let n = 1; n < 10; n++) {
      world.send(b, swapPorts(numbered(b, a, n)));
      world.run(20);
    }
    expect(numbersOf(a)).toEqual(upTo(10).slice(1));
  });

  it('and forgets everything else, too, meets its peer again with the next packet', () => {
    const { world, a, b } = met();
    b.engine.flush(true, world.now);
    world.send(b, numbered(b, a, 1));
    world.run(100);
    expect(numbersOf(a)).toEqual([1]);
  });
});

describe('a node that starts again', () => {
  it('is found again by a peer that goes on sending, within seconds of 15 s of silence', () => {
    const { world, a, b } = met();
    talk(world, a, b, 500, 20, 0);
    const fresh = world.restart(b);
    const took = untilHeard(world, a, fresh, 60_000);
    expect(took).toBeGreaterThan(14_000);
    expect(took).toBeLessThan(17_000);
    fresh.received.length = 0;
    a.received.length = 0;
    const n = talk(world, a, fresh, 2_000, 20, 0);
    world.run(100);
    expect(numbersOf(fresh)).toEqual(upTo(n));
    expect(numbersOf(a)).toEqual(upTo(n));
  });

  it('is heard at once when it speaks first', () => {
    const { world, a, b } = met();
    const fresh = world.restart(b);
    expect(untilHeard(world, fresh, a, 1_000)).toBeLessThan(200);
    expect(untilHeard(world, a, fresh, 1_000)).toBeLessThan(300);
  });

  it('answers nothing to data that it holds no key for', () => {
    const { world, a, b } = met();
    const fresh = world.restart(b);
    world.send(a, numbered(a, fresh, 1));
    const before = world.seen.length;
    world.run(50);
    expect(fresh.primitiveCounter('unknown-index')).toBe(1);
    expect(world.seen).toHaveLength(before);
  });
});

describe('an orderly end', () => {
  it('is told to the peer, which sends nothing more to keys that are gone', () => {
    const { world, a, b } = met();
    a.engine.shutDown(world.now);
    world.launch(a, a.carryOut());
    world.run(10);
    expect(sasOf(b)).toEqual([]);
    expect(sasOf(a)).toEqual([]);
  });

  it('ends every SA that the peer could send on, also those that were followed by another', () => {
    const { world, a, b } = met();
    // both ends open the pair at once, and a roll adds another SA
    talk(world, a, b, 500, 20, 0);
    world.authority.roll('office');
    for (const node of [a, b]) world.launch(node, node.reload(world));
    talk(world, a, b, 3_000, 20, 100);
    expect(sasOf(a).length).toBeGreaterThan(1);
    a.engine.shutDown(world.now);
    world.launch(a, a.carryOut());
    world.run(10);
    expect(sasOf(b)).toEqual([]);
    // a packet for it waits for a handshake and is not sent into nowhere
    const before = world.seen.length;
    world.send(b, numbered(b, a, 900));
    expect(world.seen.slice(before).map(({ bytes }) => bytes[0])).toEqual([1]);
  });
});

describe('a clock that jumps', () => {
  it('K4: drops every SA and every half-open handshake; traffic begins anew by itself', () => {
    const { world, a, b } = met();
    talk(world, a, b, 500, 20, 0);
    a.engine.handleClockJump(world.now);
    expect(sasOf(a)).toEqual([]);
    expect(a.engine.halfOpen).toBe(0);
    for (const node of [a, b]) node.received.length = 0;
    // the peer's packets meet no key until this node speaks
    world.send(a, numbered(a, b, 1));
    world.run(100);
    const n = talk(world, a, b, 1_000, 20, 2);
    world.run(100);
    expect(numbersOf(b)).toEqual(upTo(n).slice(1));
    expect(numbersOf(a)).toEqual(upTo(n).slice(2));
  });

  it('K4: ends handshakes under way, at either end', () => {
    const { world, a, b } = pair();
    world.wire = ({ bytes }) => (bytes[0] === 3 ? [] : undefined);
    world.send(a, numbered(a, b, 1));
    world.run(10);
    expect([a.engine.halfOpen, b.engine.halfOpen]).toEqual([1, 1]);
    for (const node of [a, b]) node.engine.handleClockJump(world.now);
    expect([a.engine.halfOpen, b.engine.halfOpen]).toEqual([0, 0]);
    expect(sasOf(a)).toEqual([]);
  });
});

describe('both ends that open one flow at once', () => {
  const pitIds = (node: SimNode) => {
    const { pit } = node.engine.node;
    const found: string[] = [];
    const { entries } = pit;
    for (let entry = entries.inUseFrom(0); entry >= 0; entry = entries.inUseFrom(entry + 1))
      found.push(`${entries.pitIdHigh(entry)} ${entries.pitIdLow(entry)} ${entries.isConfirmed(entry)}`);
    return found.sort();
  };

  // with each seed the other end may have chosen the lower pit id
  const rows = ['1', '2', '3', '4'].flatMap((seed) => [
    ['inside the SA', true, 'none', seed] as const,
    ['by two handshakes that cross', false, 'none', seed] as const,
    ['inside the SA, the MPIT of one end lost', true, 'a', seed] as const,
    ['inside the SA, the MPIT of the other end lost', true, 'b', seed] as const,
  ]);
  it.each(rows)('get one entry with the same pit id, and lose nothing that arrives: %s', (_, inBand, lost, seed) => {
    const { world, a, b } = inBand ? met(seed) : pair({}, seed);
    let dropped = 0;
    world.wire = ({ from }) => {
      if (dropped > 0 || (from === a.path ? 'a' : 'b') !== lost) return undefined;
      dropped += 1;
      return [];
    };
    world.send(a, numbered(a, b, 1, 6_000));
    world.send(b, swapPorts(numbered(b, a, 2, 6_000)));
    world.run(1_000);
    world.send(a, numbered(a, b, 3, 6_000));
    world.send(b, swapPorts(numbered(b, a, 4, 6_000)));
    world.run(100);
    expect(numbersOf(b)).toEqual(lost === 'a' ? [3] : [1, 3]);
    expect(numbersOf(a)).toEqual(lost === 'b' ? [4] : [2, 4]);
    expect(pitIds(a)).toEqual(pitIds(b));
    expect(pitIds(a).every((id) => id.endsWith('true'))).toBe(true);
    expect([entriesOf(a), entriesOf(b)]).toEqual(inBand ? [2, 2] : [1, 1]);
    expect(a.engine.isBusy() || b.engine.isBusy()).toBe(false);
  });
});
