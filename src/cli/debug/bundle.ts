import { writeFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import type { Command } from 'commander';
import { GscipError } from '../../base/errors.ts';
import { DEFAULTS } from '../../node/agent-config.ts';
import { type AgentOptions, agentFlags } from '../agent-options.ts';
import { needRoot } from '../need-root.ts';
import { examples, printJson } from '../output.ts';
import { bundleFiles } from './bundle-files.ts';
import { collect } from './collect.ts';
import { tarArchive } from './tar.ts';

interface BundleOptions extends AgentOptions {
  readonly out?: string;
  readonly state: string;
  readonly redact: boolean;
}

/** `gscip debug bundle` */
export function defineBundle(command: Command): void {
  agentFlags(command)
    .option('--out <FILE>', 'the archive to write, which must not be there yet (default: gscip-debug-TIME.tar.gz here)')
    .option('--no-redact', 'leave names and addresses as they are; keys are left out in any case')
    .option('--state <DIR>', 'where settings are read from when no agent runs', DEFAULTS.state)
    .action(bundle);
  examples(command, [
    [
      'sudo gscip debug bundle',
      'pseudonyms instead of names and addresses; redacted.json inside says what was replaced',
    ],
    ['sudo gscip debug bundle --no-redact --out /var/tmp/gscip.tar.gz', 'for your own eyes'],
  ]);
}

async function bundle({ out, socket, state, redact, json }: BundleOptions): Promise<void> {
  needRoot('what a node knows is for root alone');
  const collected = await collect(socket, state);
  const files = bundleFiles(collected, { redact });
  const stamp = collected.at.toISOString().replace(/[-:]|\..*$/g, '');
  const file = out ?? `gscip-debug-${stamp}.tar.gz`;
  save(file, gzipSync(tarArchive(files, collected.at.getTime() / 1_000)));
  const names = files.map(({ name }) => name);
  if (json) return printJson({ file, redacted: redact, files: names });
  console.log(
    `${file}: ${names.length} files, ${redact ? 'names and addresses replaced' : 'NOT redacted but for keys'}.`,
  );
  console.log('Nothing was sent anywhere. Look through it before you give it to somebody: tar -xzf FILE');
}

function save(file: string, bytes: Uint8Array): void {
  try {
    writeFileSync(file, bytes, { mode: 0o600, flag: 'wx' });
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new GscipError('bundle-failed', `cannot write ${file}: ${why}`, 'name another file with --out', cause);
  }
}
