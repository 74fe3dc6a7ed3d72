import { describe, expect, it } from 'vitest';
import { FLOW } from '../../src/base/flow-words.ts';
import { FLOW_KEY, hashFlowKey, normalise } from '../../src/pit/flow-key.ts';
import { hashWords } from '../../src/pit/hash-words.ts';
import { flow, reversed } from './table-kit.ts';

describe('the hash of a flow', () => {
  it('is HalfSipHash-1-3: the reference values for the bytes 00 01 02 …', () => {
    const words = Int32Array.of(9, 0x03020100, 0x07060504, 0x0b0a0908, 0x0f0e0d0c);
    const hashes = [1, 2, 3, 4].map((count) => hashWords(words, 1, count, 0x03020100, 0x07060504) >>> 0);
    expect(hashes).toEqual([0x7e059ea6, 0x577999b1, 0x6b28096c, 0x8b31d501]);
  });

  it.each([4, 6] as const)('of IPv%i is equal for both directions and depends on seed and every field', (family) => {
    const hash = (words: Int32Array, low = 1, high = 2) => {
      const key = new Int32Array(FLOW_KEY.words);
      normalise(words, key);
      return hashFlowKey(key, 0, { low, high });
    };
    const words = flow({ family, sourcePort: 3, destinationPort: 4 });
    expect(hash(reversed(words))).toBe(hash(words));
    const others = [FLOW.head, FLOW.source + 3, FLOW.destination + 3, FLOW.ports].map((at) =>
      words.map((word, i) => (i === at ? word ^ 0x40 : word)),
    );
    const all = [hash(words), hash(words, 9), hash(words, 1, 9), ...others.map((other) => hash(other))];
    expect(new Set(all).size).toBe(all.length);
  });
});
