import type { Command } from 'commander';
import { newAuthority } from '../server/authority/network-rules.ts';
import { createAuthority } from '../server/authority/store.ts';
import { DEFAULT_POOL, formatRange, parsePool, ulaRange } from '../server/network/address-plan.ts';
import { authorityTools, printParts } from './authority-tools.ts';
import { examples, jsonFlag, printJson } from './output.ts';
import { shellWord } from './shell-word.ts';

interface InitOptions {
  readonly network: string;
  readonly pool: string;
  readonly json?: boolean;
}

/** `gscip authority init DIR --network NAME [--pool CIDR]` */
export function defineAuthorityInit(command: Command): void {
  jsonFlag(command)
    .requiredOption('--network <name>', "the network's name")
    .option('--pool <cidr>', 'IPv4 range of the overlay addresses', DEFAULT_POOL)
    .action((folder: string, options: InitOptions) => {
      const pool = parsePool(options.pool);
      const state = createAuthority(folder, () => newAuthority(authorityTools(), options.network, pool));
      const facts = { network: state.network, pool: formatRange(pool), ipv6: formatRange(ulaRange(state.plan)) };
      if (options.json) return printJson(facts);
      printParts(
        `Made the network "${facts.network}" in ${folder}: addresses ${facts.pool} and ${facts.ipv6}.`,
        'Keep this folder private and back it up: whoever has it can admit nodes to the network.',
        `Next: gscip authority group add ${shellWord(folder)} NAME`,
      );
    });
  examples(command, [
    ['gscip authority init net --network home', `a network with addresses from ${DEFAULT_POOL}`],
    ['gscip authority init net --network home --pool 10.77.0.0/16', 'where that range is in use on the machines'],
  ]);
}
