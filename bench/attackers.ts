import { runSchedules, summaryLine } from '../test/node/attack/summary.ts';
import { benchMain } from './tools/bench-main.ts';

/** Seeded attackers between whole nodes in memory: what a test does with some of the seeds, over as many as are asked for. */
await benchMain(
  {
    name: 'attackers',
    about: 'what an attacker between members gets, in many schedules in memory',
    help: { first: 'the first seed', schedules: 'how many' },
    values: { first: 0, schedules: 10_000 },
    quick: { schedules: 100 },
  },
  async ({ first, schedules }) => {
    const summary = await runSchedules(first, schedules);
    return { results: summary, text: [summaryLine(summary, first), ...summary.faults].join('\n') };
  },
);
