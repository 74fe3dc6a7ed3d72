import type { Command } from 'commander';
import { addGroup, groupNamed, rollGroup } from '../server/authority/network-rules.ts';
import { currentEpoch, nextEpoch } from '../server/authority/state.ts';
import { changeAuthority } from '../server/authority/store.ts';
import { authorityTools, bundleAdvice, membersOf, printParts } from './authority-tools.ts';
import { parseDuration } from './duration.ts';
import { examples, jsonFlag, printJson } from './output.ts';
import { shellWord } from './shell-word.ts';
import { seconds } from './units.ts';

/** `gscip authority group add|roll` */
export function defineAuthorityGroup(command: Command): void {
  defineAdd(command.command('add <dir> <name>').description('add a group'));
  defineRoll(command.command('roll <dir> <name>').description("give a group's key a new version"));
  examples(command, [['gscip authority group add net lab', 'a group named lab']]);
}

function defineAdd(command: Command): void {
  jsonFlag(command).action((folder: string, name: string, options: { readonly json?: boolean }) => {
    const tools = authorityTools();
    const group = changeAuthority(folder, (before) => {
      const state = addGroup(tools, before, name);
      return { state, result: groupNamed(state, name) };
    });
    if (options.json) return printJson({ group: { name: group.name, id: group.id, version: 1 } });
    printParts(
      `Added the group "${group.name}".`,
      `Next: gscip authority node add ${shellWord(folder)} NAME --groups ${shellWord(group.name)} --out NAME.gscip`,
    );
  });
  examples(command, [['gscip authority group add net lab', 'a group named lab, still without members']]);
}

interface RollOptions {
  readonly activateIn: string;
  readonly json?: boolean;
}

function defineRoll(command: Command): void {
  jsonFlag(command)
    .option('--activate-in <time>', 'when nodes that hold the new version turn to it', '60s')
    .action((folder: string, name: string, options: RollOptions) => {
      const tools = authorityTools();
      const delay = parseDuration(options.activateIn);
      const { state, group } = changeAuthority(folder, (before) => {
        const after = rollGroup(tools, before, name, delay);
        return { state: after, result: { state: after, group: groupNamed(after, name) } };
      });
      const { v, activateAt } = nextEpoch(group, tools.now) ?? currentEpoch(group, tools.now);
      const outdated = membersOf(tools, state, [group]);
      if (options.json)
        return printJson({ group: { name: group.name, id: group.id, version: v, activateAt }, outdated });
      printParts(
        `The key of "${group.name}" has version ${v}, in force in ${seconds(delay)}.`,
        'Nodes that hold it go on with the old version towards those that do not.',
        bundleAdvice(folder, outdated),
        outdated.length === 0 ? '' : 'Then on each machine: sudo gscip key reload',
      );
    });
  examples(command, [
    ['gscip authority group roll net lab', 'a new version, in force in a minute'],
    ['gscip authority group roll net lab --activate-in 2h', 'time to bring the bundles to every machine first'],
  ]);
}
