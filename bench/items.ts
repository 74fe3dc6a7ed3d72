import { readFileSync, writeFileSync } from 'node:fs';
import { PROJECT } from '../src/cli/lab/pinned-node.ts';
import { countAll } from './items/counts.ts';
import { plot } from './items/plot.ts';
import { pageParts, withParts } from './items/tables.ts';

const PAGE = `${PROJECT}docs/guide/settings.md`;
const PICTURE = `${PROJECT}docs/guide/settings.svg`;

/** Counts what a person must enter, and writes the tables and the plot of docs/guide/settings.md anew. */
const counts = await countAll();
const parts = pageParts(counts);
writeFileSync(PAGE, withParts(readFileSync(PAGE, 'utf8'), parts));
writeFileSync(PICTURE, plot(counts));
if (process.argv.includes('--json')) console.log(JSON.stringify({ schema: 1, ...counts }));
else for (const [name, text] of parts) console.log(`${name}\n${text}\n`);
