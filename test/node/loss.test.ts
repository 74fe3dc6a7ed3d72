import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { millis } from '../../src/base/brands.ts';
import { DATAGRAM } from '../../src/base/datagram-kinds.ts';
import { numbered, numbersOf, swapPorts } from './packets.ts';
import { seededRandom } from './seeded-random.ts';
import { lossCounters } from './traffic.ts';
import { type Flying, pair, type Wire, type World } from './world.ts';

/** Lets the test decide by the position of each datagram among all that were sent so far. */
function byPosition(act: (position: number, datagram: Flying) => readonly Flying[] | undefined): Wire {
  let position = 0;
  return (datagram) => act(position++, datagram);
}

const later = (datagram: Flying, ms: number): Flying => ({ ...datagram, arrives: millis(datagram.arrives + ms) });

const MESSAGES = [
  ['DDE', DATAGRAM.dde],
  ['RGI', DATAGRAM.rgi],
  ['MPIT', DATAGRAM.mpit],
  ['CDN', DATAGRAM.cdn],
] as const;

describe('the four messages of a handshake', () => {
  for (const [name, kind] of MESSAGES) {
    it.each([1, 2, 3])(`deliver the first packet once when the first %i ${name} are lost`, (times) => {
      const { world, a, b } = pair();
      let lost = 0;
      world.wire = ({ bytes }) => (bytes[0] === kind && lost++ < times ? [] : undefined);
      world.send(a, numbered(a, b, 1));
      world.run(2_900);
      expect(lost).toBeGreaterThanOrEqual(times);
      expect(numbersOf(b)).toEqual([1]);
    });

    it(`deliver the first packets of both ends when each ${name} is lost once and both begin at once`, () => {
      const { world, a, b } = pair();
      const lost = new Set<string>();
      world.wire = ({ bytes, from }) => {
        if (bytes[0] !== kind || lost.has(from)) return undefined;
        lost.add(from);
        return [];
      };
      world.send(a, numbered(a, b, 1));
      world.send(b, numbered(b, a, 2));
      world.run(2_900);
      expect([numbersOf(b), numbersOf(a)]).toEqual([[1], [2]]);
    });

    it(`deliver it once when every ${name} comes three times`, () => {
      const { world, a, b } = pair();
      world.wire = (it) => (it.bytes[0] === kind ? [it, later(it, 1), later(it, 40)] : undefined);
      world.send(a, numbered(a, b, 1));
      world.run(500);
      expect(numbersOf(b)).toEqual([1]);
      expect([...b.engine.node.sas.sas()]).toHaveLength(1);
      expect(b.counter('install-refused') + a.counter('install-refused')).toBe(0);
    });

    it(`deliver it when every ${name} is later than the retry`, () => {
      const { world, a, b } = pair();
      world.wire = (it) => (it.bytes[0] === kind ? [later(it, 400)] : undefined);
      world.send(a, numbered(a, b, 1));
      world.run(2_500);
      expect(numbersOf(b)).toEqual([1]);
    });
  }

  it('give up after 15 s, show the reason, and try again after 10 s more', () => {
    const { world, a, b } = pair();
    world.wire = () => [];
    world.send(a, numbered(a, b, 1));
    world.run(14_000, 50);
    expect(a.engine.halfOpen).toBe(1);
    world.run(1_500, 50);
    expect(a.engine.halfOpen).toBe(0);
    world.wire = () => undefined;
    world.send(a, numbered(a, b, 2));
    world.run(100);
    expect(a.counter('discarded-timeout')).toBe(1);
    for (let n = 3; n < 30; n++) {
      world.send(a, numbered(a, b, n));
      world.run(500, 50);
    }
    // tried again although the flow never paused
    expect(numbersOf(b).at(-1)).toBe(29);
    expect(numbersOf(b)[0]).toBeGreaterThan(15);
  });

  it('send the first packet behind an MPIT when the other end speaks before CDN', () => {
    const { world, a, b } = pair();
    let lost = 0;
    world.wire = ({ bytes }) => (bytes[0] === DATAGRAM.cdn && lost++ < 1 ? [] : undefined);
    world.send(a, numbered(a, b, 1));
    world.run(3);
    // b has keys and an entry; its data confirms the SA at a, while CDN is still to come
    world.send(b, swapPorts(numbered(b, a, 2)));
    world.run(10);
    expect(numbersOf(a)).toEqual([2]);
    expect(numbersOf(b)).toEqual([1]);
  });
});

describe('a flow that opens inside an SA', () => {
  function met() {
    const joined = pair();
    joined.world.send(joined.a, numbered(joined.a, joined.b, 0));
    joined.world.run(100);
    joined.b.received.length = 0;
    return joined;
  }

  it.each([
    1, 2, 3, 4,
  ])('opens although its first %i MPITs are lost; what rode with them is lost with them', (times) => {
    const { world, a, b } = met();
    let lost = 0;
    world.wire = ({ from }) => (from === a.path && lost++ < times ? [] : undefined);
    world.send(a, numbered(a, b, 1, 6_000));
    world.run(1_700);
    expect(numbersOf(b)).toEqual([]);
    world.send(a, numbered(a, b, 2, 6_000));
    world.run(10);
    expect(numbersOf(b)).toEqual([2]);
    expect(a.engine.isBusy()).toBe(false);
  });

  it.each([1, 2, 3, 4])('delivers its first packet once although %i CDNs are lost', (times) => {
    const { world, a, b } = met();
    let lost = 0;
    world.wire = ({ from }) => (from === b.path && lost++ < times ? [] : undefined);
    world.send(a, numbered(a, b, 1, 6_000));
    world.run(1_700);
    expect(numbersOf(b)).toEqual([1]);
    expect(a.engine.isBusy()).toBe(false);
  });

  it('asks by a whole handshake when five MPITs stay without an answer', () => {
    const { world, a, b } = met();
    world.wire = ({ from, bytes }) => (from === a.path && bytes[0] === DATAGRAM.data ? [] : undefined);
    world.send(a, numbered(a, b, 1, 6_000));
    world.run(1_700);
    world.wire = () => undefined;
    world.send(a, numbered(a, b, 2, 6_000));
    world.run(100);
    expect(world.seen.filter(({ bytes }) => bytes[0] === DATAGRAM.dde)).toHaveLength(2);
    expect(numbersOf(b)).toEqual([2]);
  });

  it('P5: sends no packet of it before CDN but behind an MPIT', () => {
    const { world, a, b } = met();
    const lengths: number[] = [];
    world.wire = ({ from, bytes }) => {
      if (from === b.path) return [];
      lengths.push(bytes.length);
      return lengths.length === 1 ? [] : undefined;
    };
    for (let n = 1; n <= 5; n++) world.send(a, numbered(a, b, n, 6_000));
    world.run(10);
    // header, MPIT, IPv4, UDP, 16 bytes, tag
    expect(lengths).toEqual(Array.from({ length: 5 }, () => 16 + 54 + 20 + 8 + 16 + 16));
    // the first one is lost, so the flow opens by any of the others
    expect(numbersOf(b)).toEqual([2, 3, 4, 5]);
    expect(b.counter('no-entry')).toBe(0);
  });

  it('P5: keeps a packet that does not fit behind an MPIT until CDN', () => {
    const { world, a, b } = met();
    const large = numbered(a, b, 1, 6_000, 4, 1_340);
    const before = world.seen.length;
    world.send(a, large);
    expect(world.seen.slice(before).map(({ bytes }) => bytes.length)).toEqual([16 + 54 + 16]);
    expect(a.engine.node.held.packets).toBe(1);
    world.run(10);
    expect(numbersOf(b)).toEqual([1]);
    expect(a.engine.node.held.packets).toBe(0);
  });
});

/** Random bytes as numbers in [0, 1). */
function dice(seed: string): () => number {
  const random = seededRandom(seed);
  return () => new DataView(random(4).buffer).getUint32(0) / 2 ** 32;
}

/** Loses, doubles and delays at random; what it lost by kind is told. */
function badWire(seed: string, loss: number, twice: number, jitter: number): Wire {
  const roll = dice(seed);
  return (datagram) => {
    if (roll() < loss) return [];
    const copies = roll() < twice ? [datagram, later(datagram, roll() * 50)] : [datagram];
    return copies.map((copy) => later(copy, roll() * jitter));
  };
}

/** Many flows, three packets each; which numbers came, how often. */
function manyFlows(world: World, a: ReturnType<typeof pair>['a'], b: ReturnType<typeof pair>['b'], flows: number) {
  for (let flow = 0; flow < flows; flow++) {
    for (let part = 0; part < 3; part++) world.send(a, numbered(a, b, 3 * flow + part, 7_000 + flow));
    world.run(17);
  }
  world.run(4_000);
  const heard = numbersOf(b);
  return { heard, flows: new Set(heard.map((number) => Math.floor(number / 3))) };
}

describe('a network that loses, doubles and reorders', () => {
  it.each([
    [0, 0, 0],
    [0, 0.3, 0],
    [0, 0, 30],
    [0, 0.3, 30],
    [0.05, 0.1, 5],
    [0.1, 0.1, 20],
    [0.2, 0.1, 20],
    [0.3, 0.2, 20],
  ])('delivers each packet at most once and opens every flow: loss %d, doubled %d, %d ms of jitter', (...odds) => {
    for (const seed of ['x', 'y', 'z']) {
      const { world, a, b } = pair({}, seed);
      world.wire = badWire(`${seed} ${odds}`, ...odds);
      const flows = 40;
      const { heard } = manyFlows(world, a, b, flows);
      expect(new Set(heard).size).toBe(heard.length);
      if (odds[0] === 0) expect(heard).toHaveLength(3 * flows);
      world.wire = () => undefined;
      for (let flow = 0; flow < flows; flow++) {
        world.send(a, numbered(a, b, 1_000 + flow, 7_000 + flow));
        world.run(5);
      }
      world.run(100);
      const [before, after] = [heard.length, numbersOf(b)];
      expect(new Set(after.slice(before))).toEqual(new Set(Array.from({ length: flows }, (_, flow) => 1_000 + flow)));
      const { 'auth-failed': failed, 'no-key': keyless } = lossCounters(a, b);
      expect([failed, keyless]).toEqual([0, 0]);
    }
  });

  it('delivers the first packet whichever datagrams of a cold start are lost, doubled or late, one at a time', () => {
    for (let position = 0; position < 7; position++)
      for (const act of ['twice', 'late', 'lost'] as const) {
        const { world, a, b } = pair();
        world.wire = byPosition((at, it) => {
          if (at !== position) return undefined;
          // data itself is lost as on any link
          if (act === 'lost') return it.bytes[0] === DATAGRAM.data ? undefined : [];
          return act === 'twice' ? [it, later(it, 7)] : [later(it, 300)];
        });
        world.send(a, numbered(a, b, 1));
        world.run(2_900);
        expect(numbersOf(b), `${act} at ${position}`).toEqual([1]);
      }
  });

  it('delivers the first packets of both ends under every short history of loss and delay', () => {
    const fates = fc.array(fc.constantFrom<'pass' | 'lost' | 'twice' | 'late'>('pass', 'lost', 'twice', 'late'), {
      maxLength: 10,
    });
    fc.assert(
      fc.property(fates, fc.boolean(), (history, both) => {
        const { world, a, b } = pair();
        world.wire = byPosition((at, it) => {
          const fate = it.bytes[0] === DATAGRAM.data && history[at] === 'lost' ? 'pass' : (history[at] ?? 'pass');
          if (fate === 'pass') return undefined;
          if (fate === 'lost') return [];
          return fate === 'twice' ? [it, later(it, 13)] : [later(it, 60)];
        });
        world.send(a, numbered(a, b, 1));
        if (both) world.send(b, numbered(b, a, 2));
        world.run(2_990);
        const lost = history.filter((fate) => fate === 'lost').length;
        // three retries fall into the three seconds that a packet is held
        if (lost <= 3) expect([numbersOf(b), numbersOf(a)]).toEqual([[1], both ? [2] : []]);
        else expect(numbersOf(b).length).toBeLessThanOrEqual(1);
      }),
      { numRuns: 150, seed: 11 },
    );
  });
});
