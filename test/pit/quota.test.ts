import { describe, expect, it } from 'vitest';
import { Owners } from '../../src/pit/owners.ts';
import { pitLimits } from '../../src/pit/quota.ts';
import { Pit } from '../../src/pit/table.ts';
import { PUT_FAULT } from '../../src/pit/terms.ts';
import { at, flow, groupOf, kit, node, values } from './table-kit.ts';

describe('quotas of the PIT', () => {
  it.each([
    [100, 1024],
    [8192, 1024],
    [8200, 1025],
    [1_000_000, 125_000],
  ])('P4: of %i entries a peer may hold %i', (capacity, most) => {
    expect(pitLimits(capacity)).toEqual({ entriesPerPeer: most, newPerSecond: 1000 });
  });

  it('P4: a peer at its quota loses an entry of its own, never one of another peer', () => {
    const { pit, owner } = kit(16, { entriesPerPeer: 4, newPerSecond: 1000 });
    for (let source = 1; source <= 4; source++)
      pit.put(flow({ source, destination: 50 }), values(owner(1), { confirmed: true }), at(source));
    for (let source = 11; source <= 40; source++)
      expect(pit.put(flow({ source, destination: 60 }), values(owner(2, source % 3)), at(100))).toBeGreaterThanOrEqual(
        0,
      );
    expect(pit.countOf(owner(1))).toBe(4);
    expect([0, 1, 2].reduce((sum, group) => sum + pit.countOf(owner(2, group)), 0)).toBe(4);
    expect(pit.counters.evicted).toBe(26);
  });

  it('P4: in a full table a peer with entries pays with its own, and one without is refused', () => {
    const { pit, owner } = kit(3);
    for (let source = 1; source <= 3; source++)
      pit.put(flow({ source, destination: 50 }), values(owner(source)), at(0));
    expect(pit.put(flow({ source: 9 }), values(owner(4)), at(1))).toBe(PUT_FAULT.full);
    expect(pit.put(flow({ source: 8 }), values(owner(3)), at(1))).toBeGreaterThanOrEqual(0);
    expect([1, 2, 3].map((peer) => pit.countOf(owner(peer)))).toEqual([1, 1, 1]);
    expect(pit.find(flow({ source: 3, destination: 50 }))).toBe(-1);
  });

  it('tells beforehand whether an owner has room, as `put` would answer, and takes nothing for it', () => {
    const { pit, owner } = kit(3, { entriesPerPeer: 4, newPerSecond: 2 });
    const row = (source: number, peer: number, ms: number) => {
      for (let i = 0; i < 5; i++) pit.hasRoom(owner(peer), at(ms));
      const told = pit.hasRoom(owner(peer), at(ms));
      return [told, pit.put(flow({ source, destination: 50 }), values(owner(peer)), at(ms)) >= 0];
    };
    expect(row(1, 1, 0)).toEqual([true, true]);
    expect(row(2, 1, 0)).toEqual([true, true]);
    // too many in a second
    expect(row(3, 1, 0)).toEqual([false, false]);
    expect(row(3, 1, 499)).toEqual([false, false]);
    expect(row(3, 1, 500)).toEqual([true, true]);
    // a full table: only who has an entry to give has room
    expect(row(4, 2, 2_000)).toEqual([false, false]);
    expect(row(5, 1, 2_000)).toEqual([true, true]);
  });

  it('P4: the oldest provisional entry goes first, however busy', () => {
    const { pit, owner } = kit(64, { entriesPerPeer: 4, newPerSecond: 1000 });
    const put = (source: number, confirmed: boolean, ms: number) =>
      pit.put(flow({ source, destination: 50 }), values(owner(1), { confirmed }), at(ms));
    put(1, true, 0);
    put(3, false, 10);
    put(4, false, 20);
    put(5, true, 30);
    pit.count(pit.find(flow({ source: 3, destination: 50 })), 1, 1, 0, at(15));
    put(6, true, 40);
    expect(pit.find(flow({ source: 3, destination: 50 }))).toBe(-1);
    put(7, true, 50);
    expect(pit.find(flow({ source: 4, destination: 50 }))).toBe(-1);
  });

  it('P4: then the most idle one', () => {
    const { pit, owner } = kit(64, { entriesPerPeer: 4, newPerSecond: 1000 });
    const words = (source: number) => flow({ source, destination: 50 });
    for (let source = 3; source <= 6; source++)
      pit.put(words(source), values(owner(1), { confirmed: true }), at(source));
    for (const [source, ms] of [
      [3, 100],
      [4, 50],
      [5, 30],
      [6, 90],
    ] as const)
      pit.count(pit.find(words(source)), 1, 1, 0, at(ms));
    for (const [fresh, gone] of [
      [7, 5],
      [8, 4],
      [9, 6],
      [10, 3],
    ] as const) {
      pit.put(words(fresh), values(owner(1), { confirmed: true }), at(200));
      expect(pit.find(words(gone))).toBe(-1);
    }
  });

  it('P4: a peer makes no more new entries in a second than the limit, and others do not feel it', () => {
    const { pit, owner } = kit(100, { entriesPerPeer: 100, newPerSecond: 10 });
    const made = (peer: number, ms: number) => {
      let count = 0;
      for (let port = 0; port < 50; port++) {
        if (
          pit.put(
            flow({ source: peer + 5, destination: 90, sourcePort: ms, destinationPort: port }),
            values(owner(peer)),
            at(ms),
          ) >= 0
        )
          count++;
      }
      return count;
    };
    expect([made(1, 1000), made(1, 1000), made(2, 1000)]).toEqual([10, 0, 10]);
    expect([made(1, 1100), made(1, 1550), made(1, 60_000)]).toEqual([1, 4, 10]);
    expect(
      pit.put(flow({ source: 6, destination: 90, sourcePort: 1, destinationPort: 1 }), values(owner(1)), at(60_000)),
    ).toBe(PUT_FAULT.rate);
  });

  it('gives the room of removed entries back', () => {
    const { pit, owner } = kit(8, { entriesPerPeer: 2, newPerSecond: 100 });
    for (let round = 0; round < 5; round++) {
      pit.put(flow({ source: 3 }), values(owner(1)), at(0));
      pit.put(flow({ source: 4 }), values(owner(1)), at(0));
      pit.removeOwner(owner(1), 'flushed', at(0));
    }
    expect(pit.counters.evicted).toBe(0);
  });

  it('refuses a table that no index could name', () => {
    const make = (capacity: number) => new Pit({ capacity, seed: { low: 0, high: 0 }, owners: new Owners() });
    for (const capacity of [0, -1, 1.5, 2 ** 24]) expect(() => make(capacity)).toThrow(RangeError);
    expect(new Owners().number({ peer: node(1), group: groupOf(1), chain: 0 })).toBe(1);
  });
});
