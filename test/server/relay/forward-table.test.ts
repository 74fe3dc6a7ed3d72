import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RELAY_CHANNEL, relayHash } from '../../../src/base/relay-primitives.ts';
import { ForwardTable } from '../../../src/server/relay/forward-table.ts';
import { rowOf } from '../../../src/server/relay/relay-walk.ts';

/** Channels, many of which begin their search at the same few slots, also the last ones. */
const CROWDED = Array.from({ length: 200_000 }, (_, channel) => channel).filter((channel) =>
  [0, 1, 127].includes(relayHash(channel, 128)),
);

describe('the forward table', () => {
  it('finds each channel that is there and no other, whatever was removed before', () => {
    const moves = fc.array(fc.record({ at: fc.nat(80), add: fc.boolean() }), { maxLength: 300 });
    fc.assert(
      fc.property(moves, (list) => {
        const table = new ForwardTable();
        const rows = new Map<number, number>();
        for (const { at, add } of list) {
          const channel = CROWDED[at];
          const row = rows.get(channel);
          if (add && row === undefined) rows.set(channel, table.add(channel));
          if (!add && row !== undefined) {
            table.remove(channel, row);
            rows.delete(channel);
          }
        }
        for (const channel of CROWDED.slice(0, 81)) expect(rowOf(table.slots, channel)).toBe(rows.get(channel) ?? -1);
        expect(new Set(rows.values()).size).toBe(rows.size);
      }),
    );
  });

  it('grows and keeps what it has, with rows of their own for all', () => {
    const table = new ForwardTable();
    const rows = Array.from({ length: 5_000 }, (_, at) => table.add((at * 0x9e3779b9) | 0));
    expect(new Set(rows).size).toBe(rows.length);
    rows.forEach((row, at) => {
      expect(rowOf(table.slots, (at * 0x9e3779b9) | 0)).toBe(row);
    });
    expect(table.ends.length).toBeGreaterThanOrEqual(5_000 * RELAY_CHANNEL);
    expect(table.heardAt.length * RELAY_CHANNEL).toBe(2 * table.ends.length);
  });

  it('keeps the shares of others when it gets more of them, and gives a share back empty', () => {
    const table = new ForwardTable();
    const first = table.addShare();
    table.shares[2 * first] = 7;
    for (let more = 0; more < 1_000; more++) table.addShare();
    expect(table.shares[2 * first]).toBe(7);
    table.removeShare(first);
    expect(table.addShare()).toBe(first);
    expect(table.shares[2 * first]).toBe(0);
  });
});
