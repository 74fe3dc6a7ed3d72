import { writeFileSync } from 'node:fs';
import { nobleProvider } from '../../src/crypto/noble-provider.ts';
import { FROZEN_RUNS } from './frozen-runs.ts';

// Run by hand for a new protocol version only: node test/crypto/generate-vectors.ts
for (const [name, run] of Object.entries(FROZEN_RUNS)) {
  const file = new URL(`../vectors/${name}.json`, import.meta.url);
  writeFileSync(file, `${JSON.stringify(run(nobleProvider), null, 2)}\n`);
}
