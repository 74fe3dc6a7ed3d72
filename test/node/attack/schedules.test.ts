import { expect, it } from 'vitest';
import { BOUND } from './schedule.ts';
import { runSchedules, summaryLine } from './summary.ts';

/** bench/attackers.ts runs them all; this many are run each time. */
const COUNT = 250;
/** Milliseconds for one, on a machine that does other things, too. */
const PATIENCE = 2_000;

it(`C1: an attacker between members, in ${COUNT} schedules: nothing in clear, nothing that was not sent, and traffic again when he stops`, {
  timeout: COUNT * PATIENCE,
}, async () => {
  const summary = await runSchedules(0, COUNT);
  console.log(summaryLine(summary, 0));
  const { faults, scenes, sums, again } = summary;
  expect(faults).toEqual([]);
  expect(again.at(-1)).toBeLessThan(BOUND);
  // he was there: each deed was done, each lie believed once, and some packets came through and some did not
  for (const [name, count] of Object.entries(sums)) expect(count, name).toBeGreaterThan(0);
  expect(sums.delivered).toBeLessThan(sums.sent);
  expect(Object.keys(scenes).sort()).toEqual(['below', 'gateways', 'nested', 'three', 'two']);
});
