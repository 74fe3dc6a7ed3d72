import { describe, expect, it } from 'vitest';
import { bitRate, bytes, milliseconds, seconds } from '../../src/cli/units.ts';

describe('numbers for people', () => {
  it.each([
    [0, '0 B'],
    [999, '999 B'],
    [1_023, '1023 B'],
    [1_024, '1.00 KiB'],
    [10_240, '10.0 KiB'],
    [102_400, '100 KiB'],
    [5 * 2 ** 30, '5.00 GiB'],
    [2 ** 60, '1024 PiB'],
  ])('%d bytes are %s', (count, text) => {
    expect(bytes(count)).toBe(text);
  });

  it.each([
    [0, '0 bit/s'],
    [999, '999 bit/s'],
    [1_000, '1.00 kbit/s'],
    [9_800_000_000, '9.80 Gbit/s'],
    [1e16, '10000 Tbit/s'],
  ])('%d bits a second are %s', (rate, text) => {
    expect(bitRate(rate)).toBe(text);
  });

  it.each([
    [0, '0 s'],
    [119, '119 s'],
    [120, '2 min'],
    [7_199, '120 min'],
    [7_200, '2 h'],
    [172_800, '2 d'],
  ])('%d seconds are %s', (count, text) => {
    expect(seconds(count)).toBe(text);
  });

  it.each([
    [0, '0 µs'],
    [0.25, '250 µs'],
    [1, '1.00 ms'],
    [9.994, '9.99 ms'],
    [12.34, '12.3 ms'],
    [1_500, '1500.0 ms'],
  ])('%d ms are %s', (count, text) => {
    expect(milliseconds(count)).toBe(text);
  });
});
