import { expect, it } from 'vitest';
import { describeImplementations, withBench } from './implementations.ts';
import { counted, forge, openMessages, runsOf } from './primitive-kit.ts';

const EMPTY = new Uint8Array(0);
const TWO_32 = 2n ** 32n;

/** Counters in the order they arrive, and whether each opens ('+', '!' when it is the newest) or what it is counted as. */
const REPLAYS: readonly (readonly [string, readonly (readonly [number | bigint, string])[]])[] = [
  [
    'a whole turn of the ring into a used word',
    [
      [1, '!'],
      [8_197, '!'],
      [8_193, '+'],
      [8_197, 'replayed'],
    ],
  ],
  [
    'a turn and some words over used words',
    [
      [1, '!'],
      [40, '!'],
      [8_270, '!'],
      [8_232, '+'],
      [8_193, '+'],
    ],
  ],
  [
    'in order',
    [
      [0, '!'],
      [1, '!'],
      [2, '!'],
    ],
  ],
  [
    'from any first counter',
    [
      [1_000_000, '!'],
      [1_000_001, '!'],
      [999_999, '+'],
    ],
  ],
  [
    'out of order',
    [
      [5, '!'],
      [3, '+'],
      [4, '+'],
      [6, '!'],
      [0, '+'],
    ],
  ],
  [
    'duplicates',
    [
      [0, '!'],
      [0, 'replayed'],
      [9, '!'],
      [9, 'replayed'],
      [0, 'replayed'],
      [8, '+'],
      [8, 'replayed'],
    ],
  ],
  [
    'the last usable and the first too old',
    [
      [9_000, '!'],
      [9_000 - 8_128, '+'],
      [9_000 - 8_129, 'too-old'],
    ],
  ],
  [
    'a jump over the whole window',
    [
      [3, '!'],
      [1_000_003, '!'],
      [1_000_002, '+'],
      [3, 'too-old'],
      [1_000_003, 'replayed'],
    ],
  ],
  [
    'a jump to the same bit of the ring',
    [
      [70, '!'],
      [70 + 8_192, '!'],
      [70 + 8_191, '+'],
      [134, '+'],
      [134, 'replayed'],
    ],
  ],
  [
    '2^32 and back',
    [
      [TWO_32 - 1n, '!'],
      [TWO_32, '!'],
      [TWO_32 - 1n, 'replayed'],
      [TWO_32 - 2n, '+'],
      [TWO_32 + 1n, '!'],
      [0, 'too-old'],
    ],
  ],
  [
    'a low half that goes back while the high half goes on',
    [
      [TWO_32 - 5n, '!'],
      [2n * TWO_32, '!'],
      [TWO_32 - 4n, 'too-old'],
    ],
  ],
  [
    'the end of the counter',
    [
      [2n ** 64n - 2n, '!'],
      [2n ** 64n - 1n, '!'],
      [2n ** 64n - 2n, 'replayed'],
      [0, 'too-old'],
      [2n ** 63n, 'too-old'],
    ],
  ],
];

describeImplementations('replay window of a lane', (primitives) => {
  for (const [name, steps] of REPLAYS) {
    it(`K2: keeps the replay window for ${name}`, () => {
      withBench(primitives, (bench) => {
        const { index, keys } = bench.loop();
        const outcomes = steps.map(([counter]) => {
          const bytes = forge(keys, index, counter, EMPTY);
          const { result, counts } = counted(primitives, () => runsOf(openMessages(primitives, [{ bytes }])));
          const [refusal] = Object.keys(counts).filter((counter) => counter !== 'opened');
          return refusal ?? (result[0].newest === 1 ? '!' : '+');
        });
        expect(outcomes).toEqual(steps.map(([, outcome]) => outcome));
      });
    });
  }

  it('K2: keeps 65,536 bits where they were asked for', () => {
    withBench(primitives, (bench) => {
      const { index, keys } = bench.loop({ windowBits: 65_536 });
      const inputs = [100_000, 100_000 - 65_472, 100_000 - 65_473].map((counter) => ({
        bytes: forge(keys, index, counter, EMPTY),
      }));
      const { counts } = counted(primitives, () => openMessages(primitives, inputs));
      expect(counts).toEqual({ opened: 2, 'too-old': 1 });
    });
  });

  it('K2: checks the window before it authenticates: a forged copy of an opened counter is a replay', () => {
    withBench(primitives, (bench) => {
      const { index, keys } = bench.loop();
      const bytes = forge(keys, index, 5, EMPTY);
      const inputs = [{ bytes }, { bytes: bytes.with(20, bytes[20] ^ 1) }];
      expect(counted(primitives, () => openMessages(primitives, inputs)).counts).toEqual({ opened: 1, replayed: 1 });
    });
  });

  it('K2: moves the window only after authentication: forged counters close nothing and use up nothing', () => {
    withBench(primitives, (bench) => {
      const { index, keys } = bench.loop();
      const forged = forge(keys, index, 2n ** 40n, EMPTY);
      forged[20] ^= 1;
      const same = forge(keys, index, 6, EMPTY);
      const inputs = [forge(keys, index, 5, EMPTY), forged, same.with(20, same[20] ^ 1), same];
      const { result, counts } = counted(primitives, () =>
        openMessages(
          primitives,
          inputs.map((bytes) => ({ bytes })),
        ),
      );
      expect(counts).toEqual({ opened: 2, 'auth-failed': 2 });
      expect(runsOf(result).map((run) => run.newest)).toEqual([1, 1]);
    });
  });
});
