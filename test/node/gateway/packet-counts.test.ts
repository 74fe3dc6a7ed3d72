import { describe, expect, it } from 'vitest';
import { NO_COUNTS, packetCounts } from '../../../src/node/gateway/packet-counts.ts';

const listed = (values: Readonly<Record<string, number>>) =>
  Object.entries(values).map(([name, packets]) => ({ counter: { family: 'inet', name, packets, bytes: 0 } }));

const passed = (into: number, out: number, through: number) =>
  listed({ 'gateway-passed-in': into, 'gateway-passed-out': out, 'gateway-through': through });

describe('the packets of a GEN', () => {
  it('are blocked where they do not come out behind the other tables', () => {
    expect(packetCounts(passed(5, 3, 6), NO_COUNTS)).toMatchObject({ passedIn: 5, passedOut: 3, blocked: 2 });
  });

  it('are not blocked because they came out after the others were read', () => {
    expect(packetCounts(passed(5, 3, 9), NO_COUNTS).blocked).toBe(0);
  });

  it('go on being counted when the table is replaced', () => {
    const before = packetCounts([...passed(5, 3, 6), ...listed({ 'gateway-broadcast': 4 })], NO_COUNTS);
    const after = packetCounts(passed(1, 1, 2), { ...before, base: before });
    expect(after).toMatchObject({ passedIn: 6, passedOut: 4, blocked: 2, dropped: { 'gateway-broadcast': 4 } });
  });

  it('are none in a list of another form', () => {
    expect(packetCounts([7, null, {}, { counter: 1 }, { counter: { name: 'x' } }], NO_COUNTS)).toEqual(NO_COUNTS);
  });
});
