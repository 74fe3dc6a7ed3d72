import { readFileSync } from 'node:fs';
import type { Command } from 'commander';
import { GscipError } from '../base/errors.ts';
import { examples, jsonFlag, printJson } from './output.ts';

/** `gscip version` */
export function define(command: Command): void {
  jsonFlag(command).action((options: { readonly json?: boolean }) => {
    const facts = versions();
    if (options.json) printJson(facts);
    else console.log(`gscip ${facts.version} (protocol ${facts.protocol}, Node ${facts.node}, ${facts.platform})`);
  });
  examples(command, [['gscip version --json', 'the same for programs']]);
}

function versions() {
  return {
    version: packageVersion(),
    protocol: 'gscip1',
    node: process.versions.node,
    platform: `${process.platform}-${process.arch}`,
  };
}

function packageVersion(): string {
  const manifest: unknown = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
  if (typeof manifest === 'object' && manifest && 'version' in manifest && typeof manifest.version === 'string')
    return manifest.version;
  throw new GscipError('broken-installation', 'package.json names no version', 'Check the checkout with: git status');
}
