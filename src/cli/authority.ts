import type { Command } from 'commander';
import { defineAuthorityBundle } from './authority-bundle.ts';
import { defineAuthorityGroup } from './authority-group.ts';
import { defineAuthorityInit } from './authority-init.ts';
import { defineAuthorityList } from './authority-list.ts';
import { defineAuthorityNode } from './authority-node.ts';
import { examples } from './output.ts';

/** `gscip authority` */
export function define(command: Command): void {
  defineAuthorityInit(command.command('init <dir>').description('make a network in a folder of its own'));
  defineAuthorityGroup(command.command('group').description('add a group, or roll its key'));
  defineAuthorityNode(command.command('node').description('add or remove a node'));
  defineAuthorityBundle(command.command('bundle <dir> <node>').description("write a node's bundle again"));
  defineAuthorityList(command.command('list <dir>').description('show groups, key versions and nodes'));
  examples(command, [
    ['gscip authority init net --network home', 'a new network in the folder net'],
    ['gscip authority group add net lab', 'its first group'],
    ['gscip authority node add net alice --groups lab --out alice.gscip', 'a node, and the bundle for its machine'],
    ['sudo gscip up --bundle alice.gscip', 'on that machine: start the node'],
  ]);
}
