import { beforeEach, describe, expect, it } from 'vitest';
import { millis, nodeId, saIndex } from '../../src/base/brands.ts';
import { pathAddress } from '../../src/base/path-address.ts';
import { type RelayEntry, RelayTable } from '../../src/dprp/relay-table.ts';
import { HOP_ENTRIES_MAX } from '../../src/dprp/tuning.ts';

const [A, B, C] = ['10.0.0.1:1', '10.0.0.2:2', '10.0.0.3:3'].map(pathAddress);
const nodeA = nodeId('aa'.repeat(16));
const nodeB = nodeId('bb'.repeat(16));
const entry: RelayEntry = {
  start: A,
  end: B,
  indexStart: saIndex(0x100),
  indexEnd: saIndex(0x200),
  action: 'relay',
  startNode: nodeA,
  endNode: nodeB,
  lifetime: 60,
};
const at = (seconds: number) => millis(1_000 * seconds);

describe('a relay entry', () => {
  let table: RelayTable;
  beforeEach(() => {
    table = new RelayTable();
    table.install(entry, at(0));
  });

  it('carries both directions of its SA pair, on every lane', () => {
    for (let lane = 0; lane < 8; lane++) {
      expect(table.find(A, B, saIndex(0x200 + lane), 100, at(1))).toEqual(entry);
      expect(table.find(B, A, saIndex(0x100 + lane), 100, at(1))).toEqual(entry);
    }
  });

  it.each([
    ['the next index', A, B, 0x208],
    ['the index of the other direction', A, B, 0x100],
    ['the other index of the other direction', B, A, 0x200],
    ['another sender', C, B, 0x200],
    ['another receiver', A, C, 0x200],
    ['an unknown index', A, B, 0x300],
  ] as const)('does not carry %s', (_, from, to, index) => {
    expect(table.find(from, to, saIndex(index), 100, at(1))).toBeUndefined();
  });

  it('is found by where a datagram came from, when nothing else says whom it is for', () => {
    expect(table.findFrom(A, saIndex(0x203), 100, at(1))).toEqual(entry);
    expect(table.findFrom(B, saIndex(0x100), 100, at(1))).toEqual(entry);
    expect(table.findFrom(A, saIndex(0x100), 100, at(1))).toBeUndefined();
    expect(table.findFrom(C, saIndex(0x200), 100, at(1))).toBeUndefined();
    expect(table.findFrom(A, saIndex(0x200), 100, at(200))).toBeUndefined();
  });

  it('ends after its lifetime without a datagram, and lives on with one', () => {
    expect(table.find(A, B, entry.indexEnd, 100, at(59))).toEqual(entry);
    expect(table.find(A, B, entry.indexEnd, 100, at(118))).toEqual(entry);
    expect(table.find(A, B, entry.indexEnd, 100, at(178))).toBeUndefined();
    expect(table.expire(at(178))).toEqual([entry]);
    expect(table.size).toBe(0);
  });

  it('ends with the receive cap of the SA, used or not', () => {
    for (let seconds = 30; seconds < 200; seconds += 30)
      expect(table.find(A, B, entry.indexEnd, 100, at(seconds))).toEqual(entry);
    expect(table.find(A, B, entry.indexEnd, 100, at(199))).toEqual(entry);
    expect(table.find(A, B, entry.indexEnd, 100, at(200))).toBeUndefined();
  });

  it('is replaced by a newer one of the same pair, and stands beside those of other pairs', () => {
    table.install({ ...entry, action: 'discard' }, at(1));
    expect([table.size, table.find(A, B, entry.indexEnd, 100, at(1))?.action]).toEqual([1, 'discard']);
    table.install({ ...entry, end: C }, at(1));
    expect(table.size).toBe(2);
    expect(table.find(A, C, entry.indexEnd, 100, at(1))?.end).toBe(C);
    expect(table.entries().length).toBe(2);
  });

  it('goes with a removed node, whichever end it is', () => {
    table.install(
      { ...entry, indexStart: saIndex(0x300), indexEnd: saIndex(0x400), startNode: nodeB, endNode: nodeA },
      at(1),
    );
    table.removeNode(nodeId('cc'.repeat(16)));
    expect(table.size).toBe(2);
    table.removeNode(nodeA);
    expect([table.size, table.find(A, B, entry.indexEnd, 100, at(1))]).toEqual([0, undefined]);
  });

  it('gives way to a new one when the table is full, oldest first', () => {
    for (let n = 1; n <= HOP_ENTRIES_MAX; n++)
      table.install({ ...entry, indexStart: saIndex(0x10000 + 8 * n), indexEnd: saIndex(0x8000000 + 8 * n) }, at(1));
    expect(table.size).toBe(HOP_ENTRIES_MAX);
    expect(table.find(A, B, entry.indexEnd, 100, at(1))).toBeUndefined();
    expect(table.find(A, B, saIndex(0x8000000 + 8), 100, at(1))).toBeDefined();
  });
});
