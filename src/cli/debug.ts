import type { Command } from 'commander';
import { defineBundle } from './debug/bundle.ts';
import { defineCapture } from './debug/capture.ts';
import { examples } from './output.ts';

/** `gscip debug bundle|capture` */
export function define(command: Command): void {
  defineBundle(command.command('bundle').description('collect what support needs in a local file, redacted'));
  defineCapture(command.command('capture').description('decrypted packets of one peer in a file, for Wireshark'));
  examples(command, [['sudo gscip debug bundle', 'an archive in this folder; nothing is sent anywhere']]);
}
