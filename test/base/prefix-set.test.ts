import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { writeAddressWords } from '../../src/base/flow-cid.ts';
import { padAddress } from '../../src/base/ip-address.ts';
import { PrefixSet } from '../../src/base/prefix-set.ts';
import { address } from './ip-packets.ts';

function find(set: PrefixSet, text: string): number {
  const bytes = address(text);
  const words = new Int32Array(6);
  writeAddressWords(padAddress(bytes), words, 2);
  return set.find(bytes.length === 4 ? 4 : 6, words, 2);
}

function add(set: PrefixSet, text: string, length: number, value: number): void {
  const bytes = address(text);
  set.set(bytes.length === 4 ? 4 : 6, padAddress(bytes), length, value);
}

describe('a prefix set', () => {
  it('answers with the longest prefix', () => {
    const set = new PrefixSet();
    add(set, '100.64.0.0', 10, 1);
    add(set, '100.64.7.0', 24, 2);
    add(set, '100.64.7.9', 32, 3);
    add(set, 'fd00::', 8, 4);
    add(set, 'fd00:0:0:1::', 64, 5);
    add(set, 'fd00:0:0:1::1', 128, 0);
    const rows = [
      ['100.64.7.9', 3],
      ['100.64.7.8', 2],
      ['100.64.8.9', 1],
      ['100.127.255.255', 1],
      ['100.128.0.0', -1],
      ['fd00::1', 4],
      ['fd00:0:0:1::2', 5],
      ['fd00:0:0:1::1', 0],
      ['fe00::1', -1],
      ['::100.64.7.9', -1],
    ] as const;
    for (const [text, value] of rows) expect([text, find(set, text)]).toEqual([text, value]);
  });

  it('keeps the default routes of the families apart', () => {
    const set = new PrefixSet();
    add(set, '::', 0, 6);
    expect(find(set, '1.2.3.4')).toBe(-1);
    add(set, '0.0.0.0', 0, 4);
    expect([find(set, '1.2.3.4'), find(set, '2001:db8::1')]).toEqual([4, 6]);
  });

  it('ignores the bits behind the prefix and refuses impossible lengths', () => {
    const set = new PrefixSet();
    add(set, '10.1.2.3', 8, 1);
    add(set, '10.9.9.9', 8, 2);
    expect([set.count, find(set, '10.0.0.1')]).toEqual([1, 2]);
    expect(() => add(set, '10.0.0.0', 33, 1)).toThrow(RangeError);
    expect(() => add(set, 'fd00::', 129, 1)).toThrow(RangeError);
    expect(() => set.set(4, address('10.0.0.0'), 8, 1)).toThrow(RangeError);
  });

  it('agrees with a search through all prefixes', () => {
    const prefix = fc.record({
      bytes: fc.array(fc.constantFrom(0, 128, 255), { minLength: 4, maxLength: 4 }),
      length: fc.nat(32),
      value: fc.nat(9),
    });
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.boolean(), prefix), { maxLength: 30 }),
        fc.array(fc.constantFrom(0, 128, 255), { minLength: 4, maxLength: 4 }),
        (changes, asked) => {
          const set = new PrefixSet();
          const model = new Map<string, { bits: string; value: number }>();
          const bitsOf = (bytes: readonly number[]) => bytes.map((byte) => byte.toString(2).padStart(8, '0')).join('');
          for (const [adding, { bytes, length, value }] of changes) {
            const bits = bitsOf(bytes).slice(0, length);
            if (adding) {
              set.set(4, padAddress(Uint8Array.from(bytes)), length, value);
              model.set(bits, { bits, value });
            } else {
              expect(set.delete(4, padAddress(Uint8Array.from(bytes)), length)).toBe(model.delete(bits));
            }
          }
          const fitting = [...model.values()].filter(({ bits }) => bitsOf(asked).startsWith(bits));
          const longest = fitting.sort((a, b) => b.bits.length - a.bits.length)[0];
          expect(find(set, asked.join('.'))).toBe(longest?.value ?? -1);
        },
      ),
    );
  });
});
