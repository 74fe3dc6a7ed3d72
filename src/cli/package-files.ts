import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { bashCompletion } from './handbook/bash-completion.ts';
import { commandFacts } from './handbook/command-facts.ts';
import { completionTables } from './handbook/completion-tables.ts';
import { fishCompletion } from './handbook/fish-completion.ts';
import { manPage } from './handbook/man-page.ts';
import { zshCompletion } from './handbook/zsh-completion.ts';
import { PACKAGED_FOLDER, packagedText, SERVICES } from './service/service-units.ts';
import { unitTexts } from './service/unit-texts.ts';
import { VERBS } from './verbs.ts';

/** Where the package has its Node and the program. */
const PROGRAM = { node: '/usr/lib/gscip/bin/node', main: '/usr/lib/gscip/dist/cli/main.js' } as const;

/** The files of the package that are made from what the program knows of itself, by their paths. */
async function packageFiles(version: string): Promise<ReadonlyMap<string, string>> {
  const facts = await commandFacts(VERBS);
  const tables = completionTables(facts);
  const units = (['node', 'server'] as const).flatMap((service) =>
    unitTexts(service, { ...PROGRAM, state: SERVICES[service].state, words: [] }),
  );
  return new Map([
    ...units.map(([unit, text]) => [join(PACKAGED_FOLDER, unit), packagedText(text)] as const),
    ['/usr/share/man/man1/gscip.1', manPage(facts, version)],
    ['/usr/share/bash-completion/completions/gscip', bashCompletion(tables)],
    ['/usr/share/zsh/vendor-completions/_gscip', zshCompletion(tables)],
    ['/usr/share/fish/vendor_completions.d/gscip.fish', fishCompletion(tables)],
  ]);
}

// scripts/package.sh: package-files.js ROOT VERSION
const [root, version] = process.argv.slice(2);
if (root === undefined || version === undefined) throw new Error('usage: package-files.js ROOT VERSION');
for (const [path, text] of await packageFiles(version)) {
  const place = join(root, path);
  mkdirSync(dirname(place), { recursive: true });
  writeFileSync(place, text);
}
