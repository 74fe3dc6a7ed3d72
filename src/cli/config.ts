import { readFileSync } from 'node:fs';
import type { Command } from 'commander';
import { GscipError } from '../base/errors.ts';
import { type ConfigFault, configFaults } from '../node/settings/check-config.ts';
import { examples, jsonFlag, printJson } from './output.ts';

/** `gscip config check` */
export function define(command: Command): void {
  const check = command.command('check').description('find every mistake in a file of settings; changes nothing');
  jsonFlag(check.argument('<file>', 'as "gscip up --config" takes it')).action(checkFile);
  examples(check, [['gscip config check /etc/gscip.toml', 'line, key, cause and remedy of each; exit code 1 if any']]);
  examples(command, [['gscip config check /etc/gscip.toml', 'before "gscip reload" or a restart']]);
}

function checkFile(file: string, options: { readonly json?: boolean }): void {
  const faults = configFaults(read(file));
  if (options.json) printJson({ file, good: faults.length === 0, faults });
  else console.log(faults.length === 0 ? `${file}: good` : faults.map((fault) => faultText(file, fault)).join('\n'));
  if (faults.length > 0) process.exitCode = 1;
}

function faultText(file: string, { line, message, remedy }: ConfigFault): string {
  return `${file}:${line}: ${message}\n       ${remedy}`;
}

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    throw new GscipError('bad-config', `cannot read ${file}`, 'check that the file is there, and its name', cause);
  }
}
