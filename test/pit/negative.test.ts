import { describe, expect, it } from 'vitest';
import { Negative } from '../../src/pit/negative.ts';
import { at } from './table-kit.ts';

describe('negative results', () => {
  it('last ten seconds, for their destination only', () => {
    const negative = new Negative();
    negative.add(5, 'no-common-group', at(1000));
    expect([negative.find(5, at(10_999)), negative.find(6, at(1000)), negative.find('5', at(1000))]).toEqual([
      'no-common-group',
      null,
      null,
    ]);
    expect([negative.find(5, at(11_000)), negative.size]).toEqual([null, 0]);
  });

  it('start anew when the negotiation fails again', () => {
    const negative = new Negative();
    negative.add(5, 'no-answer', at(0));
    negative.add(5, 'no-common-group', at(9000));
    expect(negative.find(5, at(15_000))).toBe('no-common-group');
  });

  it('are cleared when the peer that has the address speaks', () => {
    const negative = new Negative();
    for (const destination of [1, 2, 3]) negative.add(destination, 'no-answer', at(0));
    negative.clear((destination) => destination === 2);
    expect([1, 2, 3].map((destination) => negative.find(destination, at(0)))).toEqual(['no-answer', null, 'no-answer']);
  });

  it('forget the oldest rather than grow without bound', () => {
    const negative = new Negative();
    for (let destination = 0; destination < 5000; destination++) negative.add(destination, 'no-answer', at(0));
    expect([negative.size, negative.find(0, at(0)), negative.find(4999, at(0))]).toEqual([4096, null, 'no-answer']);
  });
});
