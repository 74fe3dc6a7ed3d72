import type { Command } from 'commander';
import { checkBundlePath, writeBundle } from '../server/authority/bundle-file.ts';
import { bundleFor, isBundleOf } from '../server/authority/bundle-rules.ts';
import { nodeNamed } from '../server/authority/node-rules.ts';
import { readAuthority } from '../server/authority/store.ts';
import { authorityTools, nodeFields, printParts } from './authority-tools.ts';
import { examples, jsonFlag, printJson } from './output.ts';

interface BundleOptions {
  readonly out: string;
  readonly force?: boolean;
  readonly json?: boolean;
}

/** `gscip authority bundle DIR NODE --out FILE` */
export function defineAuthorityBundle(command: Command): void {
  jsonFlag(command)
    .requiredOption('--out <file>', 'where to write it, with mode 0600')
    .option('--force', 'replace a file that is something else')
    .action((folder: string, name: string, options: BundleOptions) => {
      const tools = authorityTools();
      const state = readAuthority(folder);
      const node = nodeNamed(state, name);
      checkBundlePath(options.out, (file) => isBundleOf(tools, state, name, file), options.force === true);
      writeBundle(options.out, bundleFor(tools, state, node));
      if (options.json) return printJson({ node: nodeFields(tools, state, node), bundle: options.out });
      printParts(
        `Wrote ${options.out}. It holds the node's secret keys: bring it to ${name} by a safe way and delete it here.`,
        'There: put it in place of the old one, then: sudo gscip key reload',
      );
    });
  examples(command, [
    ['gscip authority bundle net alice --out alice.gscip', 'after a roll, or when a node came or went'],
    ['gscip authority bundle net alice --out /dev/shm/alice.gscip', 'without a trace on the disk'],
  ]);
}
