import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { chooseSlot, type SlotMatch } from '../../src/dprp/slot-choice.ts';

type State = SlotMatch['state'];
const slot = (slot: number, rank: number, which: 'cur' | 'prev', state: State, admissible = true): SlotMatch => ({
  slot,
  rank,
  previous: which === 'prev',
  state,
  admissible,
});

const CLASS_1 = slot(1, 7, 'cur', 'current');
const CLASS_1_NEXT = slot(2, 6, 'cur', 'next');
const CLASS_2 = slot(3, 5, 'cur', 'retired');
const CLASS_3 = slot(4, 4, 'prev', 'current');
const CLASS_4 = slot(5, 3, 'cur', 'tagonly');
const CLASS_4_REMOVED = slot(6, 2, 'cur', 'retired', false);
const CLASS_4_PREVIOUS = slot(7, 1, 'prev', 'retired', false);

/** Matches in an order that I prefers the other way round, so that only the class can decide. */
const ROWS = [
  [
    'class 1, CURRENT',
    [CLASS_4_PREVIOUS, CLASS_4, CLASS_3, CLASS_2, CLASS_1],
    { kind: 'accept', match: CLASS_1, oldSlot: 5 },
  ],
  ['class 1, NEXT', [CLASS_4, CLASS_3, CLASS_2, CLASS_1_NEXT], { kind: 'accept', match: CLASS_1_NEXT, oldSlot: 5 }],
  ['class 2, RETIRED in grace', [CLASS_4, CLASS_3, CLASS_2], { kind: 'accept', match: CLASS_2, oldSlot: 5 }],
  ['class 3, R is behind', [CLASS_4, CLASS_4_PREVIOUS, CLASS_3], { kind: 'refresh', match: CLASS_3 }],
  ['class 4, TAGONLY', [CLASS_4], { kind: 'stale', reason: 'old', match: CLASS_4 }],
  [
    'class 4, RETIRED by removal or out of grace',
    [CLASS_4_REMOVED],
    { kind: 'stale', reason: 'old', match: CLASS_4_REMOVED },
  ],
  [
    'class 4, only a previous version is known',
    [CLASS_4_PREVIOUS],
    { kind: 'stale', reason: 'old', match: CLASS_4_PREVIOUS },
  ],
  ['class 5, no match', [], { kind: 'nogroup' }],
] as const;

describe('R', () => {
  it.each(ROWS)('R1: takes the first class that has a match: %s', (_, matches, choice) => {
    expect(chooseSlot(matches, false)).toEqual(choice);
    expect(chooseSlot([...matches].reverse(), false)).toEqual(choice);
  });

  it("R1: takes I's most preferred slot inside a class, CURRENT and NEXT alike", () => {
    expect(chooseSlot([CLASS_1, CLASS_1_NEXT], false)).toEqual({ kind: 'accept', match: CLASS_1_NEXT, oldSlot: null });
    const better = slot(9, 0, 'cur', 'current');
    expect(chooseSlot([CLASS_1_NEXT, better, CLASS_1], false)).toMatchObject({ kind: 'accept', match: better });
  });

  it("names I's current version as old where the previous one is old too", () => {
    const previous = slot(8, CLASS_4.rank, 'prev', 'tagonly');
    expect(chooseSlot([previous, CLASS_4], false)).toMatchObject({ kind: 'stale', match: CLASS_4 });
  });

  it('accepts a previous version after a refresh that did not help, if it may admit under it', () => {
    expect(chooseSlot([CLASS_3], true)).toEqual({ kind: 'accept', match: CLASS_3, oldSlot: null });
  });

  it('says BEHIND after such a refresh if it may not', () => {
    const lapsed = slot(4, 4, 'prev', 'current', false);
    expect(chooseSlot([lapsed], true)).toEqual({ kind: 'stale', reason: 'behind', match: lapsed });
  });

  it('M13: names a further old slot, the best liked one, of another group only', () => {
    const old = slot(11, 0, 'cur', 'retired', false);
    const older = slot(12, 1, 'cur', 'tagonly');
    expect(chooseSlot([older, CLASS_1, old], false)).toMatchObject({ match: CLASS_1, oldSlot: 11 });
    const samePrevious = slot(13, CLASS_1.rank, 'prev', 'retired');
    expect(chooseSlot([samePrevious, CLASS_1], false)).toMatchObject({ match: CLASS_1, oldSlot: null });
    expect(chooseSlot([CLASS_2], false)).toEqual({ kind: 'accept', match: CLASS_2, oldSlot: null });
  });

  it('R1: never accepts what it may not admit under, nor prefers a worse class, whatever the matches', () => {
    const match = fc.record({
      slot: fc.integer({ min: 0, max: 15 }),
      rank: fc.integer({ min: 0, max: 7 }),
      previous: fc.boolean(),
      state: fc.constantFrom<State[]>('next', 'current', 'retired', 'tagonly'),
      admissible: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(match, { maxLength: 16 }), fc.boolean(), (matches, refreshed) => {
        const choice = chooseSlot(matches, refreshed);
        const live = matches.some(({ previous, state }) => !previous && (state === 'current' || state === 'next'));
        expect(choice.kind === 'nogroup').toBe(matches.length === 0);
        if (live) expect(choice).toMatchObject({ kind: 'accept', match: { previous: false } });
        if (choice.kind !== 'accept') return;
        expect(choice.match.state).not.toBe('tagonly');
        if (choice.match.state === 'retired' || choice.match.previous) expect(choice.match.admissible).toBe(true);
      }),
      { numRuns: 2_000 },
    );
  });
});
