import { readFileSync } from 'node:fs';
import type { Command } from 'commander';
import { GscipError } from '../base/errors.ts';
import { loadAddon } from '../native/addon.ts';
import { examples, jsonFlag, printJson } from './output.ts';

/** `gscip version` */
export function define(command: Command): void {
  jsonFlag(command).action((options: { readonly json?: boolean }) => {
    const facts = versions();
    if (options.json) printJson(facts);
    else console.log(describe(facts));
  });
  examples(command, [['gscip version --json', 'the same for programs']]);
}

/** What runs here, for `version` and for support. */
export function versions() {
  return {
    version: packageVersion(),
    protocol: 'gscip1',
    node: process.versions.node,
    platform: `${process.platform}-${process.arch}`,
    primitives: typeof loadAddon() === 'string' ? 'typescript' : 'addon',
  };
}

function describe({ version, protocol, node, platform, primitives }: ReturnType<typeof versions>): string {
  const packets = primitives === 'addon' ? 'the native addon' : 'TypeScript, as the native addon is missing';
  return `gscip ${version} (protocol ${protocol}, Node ${node}, ${platform}, packets by ${packets})`;
}

function packageVersion(): string {
  const manifest: unknown = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
  if (typeof manifest === 'object' && manifest && 'version' in manifest && typeof manifest.version === 'string')
    return manifest.version;
  throw new GscipError('broken-installation', 'package.json names no version', 'Check the checkout with: git status');
}
