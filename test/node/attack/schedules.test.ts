import { expect, it } from 'vitest';
import { DEEDS, type Deed } from './attacker.ts';
import { BOUND, FAILURES, type Failure, runSchedule } from './schedule.ts';

/** GSCIP_SCHEDULES=10000 runs them all, for a quarter of an hour; GSCIP_FIRST_SCHEDULE begins at another seed. */
const COUNT = Number(process.env['GSCIP_SCHEDULES'] ?? 250);
const FIRST = Number(process.env['GSCIP_FIRST_SCHEDULE'] ?? 0);
/** Milliseconds for one, on a machine that does other things, too. */
const PATIENCE = 2_000;

it(`C1: an attacker between members, in ${COUNT} schedules: nothing in clear, nothing that was not sent, and traffic again when he stops`, {
  timeout: 30_000 + COUNT * PATIENCE,
}, async () => {
  const faults: string[] = [];
  const scenes = new Map<string, number>();
  const sums: Record<Deed | Failure | 'sent' | 'delivered' | 'refused' | 'searched', number> = {
    ...{ drop: 0, delay: 0, duplicate: 0, change: 0, replay: 0, forge: 0, move: 0 },
    ...{ timeout: 0, 'no-common-group': 0, 'domain-stale': 0 },
    ...{ sent: 0, delivered: 0, refused: 0, searched: 0 },
  };
  const again: number[] = [];
  for (let seed = FIRST; seed < FIRST + COUNT; seed++) {
    const outcome = await runSchedule(seed);
    faults.push(...outcome.faults.map((fault) => `seed ${seed}, ${outcome.scene}: ${fault}`));
    scenes.set(outcome.scene, (scenes.get(outcome.scene) ?? 0) + 1);
    for (const deed of DEEDS) sums[deed] += outcome.deeds[deed];
    for (const why of FAILURES) sums[why] += outcome.failed[why];
    for (const name of ['sent', 'delivered', 'refused', 'searched'] as const) sums[name] += outcome[name];
    again.push(outcome.again);
  }
  again.sort((a, b) => a - b);
  const median = again[again.length >> 1];
  console.log(
    `attackers: seeds ${FIRST} to ${FIRST + COUNT - 1}, ${JSON.stringify({ ...Object.fromEntries(scenes), ...sums })}; ` +
      `${faults.length} faults; traffic again after ${median} ms (median), ${again.at(-1)} ms at most`,
  );
  expect(faults).toEqual([]);
  expect(again.at(-1)).toBeLessThan(BOUND);
  if (COUNT < 200) return;
  // he was there: each deed was done, each lie believed once, and some packets came through and some did not
  for (const [name, count] of Object.entries(sums)) expect(count, name).toBeGreaterThan(0);
  expect(sums.delivered).toBeLessThan(sums.sent);
  expect([...scenes.keys()].sort()).toEqual(['below', 'gateways', 'nested', 'three', 'two']);
});
