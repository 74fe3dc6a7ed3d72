import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { PROJECT } from '../../src/cli/lab/pinned-node.ts';
import { giveToOwner } from '../../test/netns/project-owner.ts';
import type { Machine } from './machine.ts';

/** What every bench leaves: one JSON object, and one text that a person reads (markdown). */
export interface Report {
  readonly bench: string;
  readonly machine: Machine;
  /** what was asked for, so that the run can be repeated */
  readonly options: unknown;
  readonly results: unknown;
  readonly text: string;
  readonly svg?: string;
}

/** Prints a report and writes it as JSON and as markdown, and its picture; without `file` to bench/results (not in version control). */
export function publish(report: Report, file?: string): void {
  const json = resolve(file ?? `${PROJECT}bench/results/${report.bench}.json`);
  const { text, svg, ...data } = report;
  const page = `## ${report.bench}\n\n${machineLine(report.machine)}\n\n${text}\n`;
  const [markdown, picture] = ['.md', '.svg'].map((ending) => json.replace(/(\.json)?$/, ending));
  mkdirSync(dirname(json), { recursive: true });
  writeFileSync(json, `${JSON.stringify({ schema: 1, ...data }, null, 2)}\n`);
  writeFileSync(markdown, page);
  if (svg !== undefined) writeFileSync(picture, svg);
  const made = [dirname(json), json, markdown, ...(svg === undefined ? [] : [picture])];
  if (file === undefined) for (const path of made) giveToOwner(path);
  console.log(`${page}\nWritten to ${json} and .md`);
}

function machineLine(machine: Machine): string {
  const { cpu, cores, memoryGiB, kernel, node, openssl, commit, priority, load, date } = machine;
  return (
    `${cores} × ${cpu}, ${memoryGiB} GiB, Linux ${kernel}, Node ${node} (OpenSSL ${openssl}), commit ${commit}, ` +
    `${priority}, load before the run ${load.toFixed(2)}, ${date}`
  );
}
