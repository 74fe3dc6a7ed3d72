import { expect, it } from 'vitest';
import { fromHex, toHex } from '../../src/base/bytes.ts';

const ALL = Uint8Array.from({ length: 256 }, (_, i) => i);

it('hex stands for each byte in either case', () => {
  const hex = toHex(ALL);
  expect(hex).toBe(Buffer.from(ALL).toString('hex'));
  expect([fromHex(hex), fromHex(hex.toUpperCase())]).toEqual([ALL, ALL]);
});

it.each(['0', '0g', '0G', ' 0', '0x', '@@', '``'])('%j is no hex', (text) => {
  expect(() => fromHex(text)).toThrow(RangeError);
});
