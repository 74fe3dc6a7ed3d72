import { describe, expect, it } from 'vitest';
import { SA_STATS, SUITE, type Suite } from '../../src/base/primitives.ts';
import { COUNTER_SOFT, judgeLane, type LaneVerdict } from '../../src/pccom/limits.ts';

/** Values by position in SA_STATS. */
type Use = readonly (readonly [number, number])[];

const ROWS: readonly (readonly [string, Suite, Use, LaneVerdict])[] = [
  ['nothing sent', SUITE.aes256gcm, [], 'fresh'],
  ['one block below the soft volume', SUITE.aes256gcm, [[SA_STATS.txVolume, 2 ** 33 - 1]], 'fresh'],
  ['soft volume sent', SUITE.aes256gcm, [[SA_STATS.txVolume, 2 ** 33]], 'rekey'],
  ['soft volume received', SUITE.aes256gcm, [[SA_STATS.rxVolume, 2 ** 33]], 'rekey'],
  ['one block below the hard volume', SUITE.aes256gcm, [[SA_STATS.txVolume, 2 ** 34 - 1]], 'rekey'],
  ['hard volume sent', SUITE.aes256gcm, [[SA_STATS.txVolume, 2 ** 34]], 'stop-tx'],
  ['hard volume received: only the sender can stop', SUITE.aes256gcm, [[SA_STATS.rxVolume, 2 ** 34]], 'rekey'],
  ['ChaCha20-Poly1305 knows no volume limit', SUITE.chacha20poly1305, [[SA_STATS.txVolume, 2 ** 40]], 'fresh'],
  ['counter at its soft limit', SUITE.chacha20poly1305, [[SA_STATS.highestCounter, COUNTER_SOFT]], 'rekey'],
  ['packets sent at the soft limit', SUITE.chacha20poly1305, [[SA_STATS.txPackets, COUNTER_SOFT]], 'rekey'],
  ['one below the limit of failed opens', SUITE.aes256gcm, [[SA_STATS.failedOpens, 2 ** 36 - 1]], 'fresh'],
  ['limit of failed opens', SUITE.aes256gcm, [[SA_STATS.failedOpens, 2 ** 36]], 'close'],
  [
    'failed opens outrank the volume',
    SUITE.aes256gcm,
    [
      [SA_STATS.failedOpens, 2 ** 36],
      [SA_STATS.txVolume, 2 ** 34],
    ],
    'close',
  ],
];

describe('limits of a lane (K6)', () => {
  for (const [name, suite, use, verdict] of ROWS) {
    it(`K6: ${name} gives ${verdict}`, () => {
      const stats = new Float64Array(SA_STATS.length);
      for (const [position, value] of use) stats[position] = value;
      expect(judgeLane(stats, suite)).toBe(verdict);
    });
  }
});
