import type { Command } from 'commander';
import { defineBundle } from './debug/bundle.ts';
import { examples } from './output.ts';

/** `gscip debug bundle` */
export function define(command: Command): void {
  defineBundle(command.command('bundle').description('collect what support needs in a local file, redacted'));
  examples(command, [['sudo gscip debug bundle', 'an archive in this folder; nothing is sent anywhere']]);
}
