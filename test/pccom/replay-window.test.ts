import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ReplayWindow } from '../../src/pccom/replay-window.ts';

const TWO_32 = 2 ** 32;

function open(window: ReplayWindow, counter: number): string {
  const high = Math.floor(counter / TWO_32);
  const low = counter % TWO_32;
  const verdict = window.check(high, low);
  if (verdict !== 'fresh') return verdict;
  return window.accept(high, low) ? 'newest' : 'fresh';
}

/** What a window of `usable` counters must say, by a plain set. */
class ReferenceWindow {
  readonly #usable: number;
  readonly #seen = new Set<number>();
  #highest = -1;

  constructor(usable: number) {
    this.#usable = usable;
  }

  open(counter: number): string {
    if (this.#highest - counter > this.#usable) return 'too-old';
    if (this.#seen.has(counter)) return 'replayed';
    this.#seen.add(counter);
    if (counter <= this.#highest) return 'fresh';
    this.#highest = counter;
    return 'newest';
  }
}

const ROWS: readonly (readonly [string, readonly (readonly [number, string])[]])[] = [
  [
    'a whole turn of the ring into a used word',
    [
      [1, 'newest'],
      [8_197, 'newest'],
      [8_193, 'fresh'],
    ],
  ],
  [
    'a turn and some words over used words',
    [
      [1, 'newest'],
      [40, 'newest'],
      [8_270, 'newest'],
      [8_232, 'fresh'],
      [8_193, 'fresh'],
    ],
  ],
  [
    'in order',
    [
      [0, 'newest'],
      [1, 'newest'],
      [2, 'newest'],
    ],
  ],
  [
    'reordered',
    [
      [5, 'newest'],
      [3, 'fresh'],
      [4, 'fresh'],
      [6, 'newest'],
      [0, 'fresh'],
    ],
  ],
  [
    'duplicates',
    [
      [0, 'newest'],
      [0, 'replayed'],
      [7, 'newest'],
      [7, 'replayed'],
      [0, 'replayed'],
    ],
  ],
  [
    'the last usable and the first too old',
    [
      [10_000, 'newest'],
      [10_000 - 8_128, 'fresh'],
      [10_000 - 8_129, 'too-old'],
    ],
  ],
  [
    'a jump clears what it passes',
    [
      [1, 'newest'],
      [8_193, 'newest'],
      [8_192, 'fresh'],
      [66, 'fresh'],
      [65, 'fresh'],
      [64, 'too-old'],
    ],
  ],
  [
    'a jump by many windows',
    [
      [3, 'newest'],
      [1_000_003, 'newest'],
      [1_000_002, 'fresh'],
      [3, 'too-old'],
    ],
  ],
  [
    'across 2^32',
    [
      [TWO_32 - 1, 'newest'],
      [TWO_32, 'newest'],
      [TWO_32 - 1, 'replayed'],
      [TWO_32 - 2, 'fresh'],
      [TWO_32, 'replayed'],
      [TWO_32 + 1, 'newest'],
      [0, 'too-old'],
    ],
  ],
  [
    'beyond 2^53',
    [
      [2 ** 53, 'newest'],
      [2 ** 60, 'newest'],
      [2 ** 60, 'replayed'],
      [2 ** 53, 'too-old'],
    ],
  ],
];

describe('replay window', () => {
  for (const [name, steps] of ROWS) {
    it(`K2: answers ${name}`, () => {
      const window = new ReplayWindow(8_192);
      expect(steps.map(([counter]) => open(window, counter))).toEqual(steps.map(([, verdict]) => verdict));
    });
  }

  for (const bits of [128, 8_192, 65_536]) {
    it(`agrees with a plain set of counters at ${bits} bits`, () => {
      // Steps near a whole turn of the ring meet the bits that an earlier turn has set.
      const near = fc.integer({ min: -70, max: 70 });
      const turns = fc.tuple(fc.constantFrom(-1, 1, 1, 2), near).map(([turn, more]) => turn * bits + more);
      const step = fc.oneof(fc.integer({ min: -3 * bits, max: 2 * bits }), near, near, turns);
      const start = fc.oneof(fc.constant(0), fc.integer({ min: TWO_32 - bits, max: TWO_32 + bits }));
      fc.assert(
        fc.property(start, fc.array(step, { maxLength: 200 }), (first, steps) => {
          const window = new ReplayWindow(bits);
          const reference = new ReferenceWindow(bits - 64);
          let counter = first;
          for (const delta of [0, ...steps]) {
            counter = Math.max(0, counter + delta);
            expect(open(window, counter)).toBe(reference.open(counter));
          }
        }),
      );
    });
  }
});
