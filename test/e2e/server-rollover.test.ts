import { setTimeout as pause } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { Triangle, WATCHED } from '../../bench/tools/triangle.ts';

/** What `bench/server-rollover.ts` does fifty times under load. */
describe('keys that a server rolls under traffic', { timeout: 90_000 }, () => {
  it('cost no datagram in three groups at once, a second apart, and while a member hears nothing of it', () =>
    Triangle.with(async (triangle) => {
      const { sent, lost, duplicates, counters } = await triangle.carry(600, 200, async () => {
        await triangle.moved(await triangle.roll());
        const reconnect = triangle.cutOff('c');
        await triangle.roll();
        await pause(1_000);
        const newest = await triangle.roll();
        await pause(3_000); // in force at a and b, and both talk with c
        reconnect();
        await triangle.moved(newest);
      });
      expect(sent).toBeGreaterThan(2_000);
      expect({ lost, duplicates }).toEqual({ lost: 0, duplicates: 0 });
      expect(counters).toEqual(Object.fromEntries(WATCHED.map((name) => [name, 0])));
    }));
});
