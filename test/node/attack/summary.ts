import { DEEDS, type Deed } from './attacker.ts';
import { FAILURES, type Failure, type Outcome, runSchedule } from './schedule.ts';

const COUNTED = ['sent', 'delivered', 'refused', 'searched'] as const;
type Counted = (typeof COUNTED)[number];

/** What came of many schedules. */
export interface Summary {
  readonly faults: readonly string[];
  /** how many there were of each network */
  readonly scenes: Readonly<Record<string, number>>;
  readonly sums: Readonly<Record<Deed | Failure | Counted, number>>;
  /** milliseconds from the attacker's end until every pair was heard, rising */
  readonly again: readonly number[];
}

export async function runSchedules(first: number, count: number): Promise<Summary> {
  const faults: string[] = [];
  const scenes: Record<string, number> = {};
  const again: number[] = [];
  const sums: Record<Deed | Failure | Counted, number> = {
    ...{ drop: 0, delay: 0, duplicate: 0, change: 0, replay: 0, forge: 0, move: 0 },
    ...{ timeout: 0, 'no-common-group': 0, 'domain-stale': 0 },
    ...{ sent: 0, delivered: 0, refused: 0, searched: 0 },
  };
  for (let seed = first; seed < first + count; seed++) {
    const outcome: Outcome = await runSchedule(seed);
    faults.push(...outcome.faults.map((fault) => `seed ${seed}, ${outcome.scene}: ${fault}`));
    scenes[outcome.scene] = (scenes[outcome.scene] ?? 0) + 1;
    for (const deed of DEEDS) sums[deed] += outcome.deeds[deed];
    for (const why of FAILURES) sums[why] += outcome.failed[why];
    for (const name of COUNTED) sums[name] += outcome[name];
    again.push(outcome.again);
  }
  return { faults, scenes, sums, again: again.sort((a, b) => a - b) };
}

/** The summary as one line. */
export function summaryLine({ faults, scenes, sums, again }: Summary, first: number): string {
  const last = first + again.length - 1;
  const times = `traffic again after ${again[again.length >> 1]} ms (median), ${again.at(-1)} ms at most`;
  return `attackers: seeds ${first} to ${last}, ${JSON.stringify({ ...scenes, ...sums })}; ${faults.length} faults; ${times}`;
}
