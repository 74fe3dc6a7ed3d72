import { join } from 'node:path';
import type { Command } from 'commander';
import type { LockAnswer } from '../api/lock.ts';
import { GscipError } from '../base/errors.ts';
import { DEFAULTS, parseConfigFile } from '../node/agent-config.ts';
import { closeKept, openByHand, standing } from '../node/lock/lock.ts';
import { lockTable } from '../node/lock/lock-rules.ts';
import { StateDir } from '../node/state-dir.ts';
import { needRoot } from './need-root.ts';
import { examples, jsonFlag } from './output.ts';

interface LockOptions {
  readonly state: string;
  readonly tun?: string;
  readonly json?: boolean;
}

/** `gscip lock status|open|close` */
export function define(command: Command): void {
  command.description(
    'The lock of a closed node: nftables rules that stand whether or not the agent runs. This is the way back for an administrator who is locked out; it needs root on the machine, and neither agent nor server.',
  );
  defineStatus(command.command('status').description('say what the rules in the kernel do now'));
  defineOpen(command.command('open').description('let clear text pass, until "close", the next "up" or a restart'));
  defineClose(command.command('close').description('close it again'));
  examples(command, [
    ['sudo gscip lock status', 'closed, guarding, or not there'],
    ['sudo gscip lock open', 'at the console of a machine that nobody reaches any more'],
    ['sudo gscip lock close', 'when that is mended'],
  ]);
}

function defineStatus(command: Command): void {
  lockFlags(command).action(async (options: LockOptions) => show(options));
  examples(command, [['sudo gscip lock status --json', '"kernel" is closed, guard or none']]);
}

function defineOpen(command: Command): void {
  lockFlags(command).action(async (options: LockOptions) => {
    const { state, tun } = placeOf(options);
    await openByHand(state, tun);
    await show(options);
  });
  examples(command, [['sudo gscip lock open', 'also takes away what a crashed agent of an open node left behind']]);
}

function defineClose(command: Command): void {
  lockFlags(command).action(async (options: LockOptions) => {
    const { state } = placeOf(options);
    if (!(await closeKept(state)))
      throw new GscipError(
        'not-a-closed-node',
        `the node of ${state.path} is not a closed one`,
        'its mode is set at the server: gscip admin node set NAME --mode cl',
      );
    await show(options);
  });
  examples(command, [['sudo gscip lock close', 'by the rules that the node kept; the agent need not run']]);
}

function lockFlags(command: Command): Command {
  return jsonFlag(command)
    .option('--state <DIR>', "the node's folder", DEFAULTS.state)
    .option('--tun <NAME>', `name of the interface (default: as the node was started, else ${DEFAULTS.tun})`);
}

function placeOf({ state: path, tun }: LockOptions): { readonly state: StateDir; readonly tun: string } {
  needRoot('the rules of the kernel are for root');
  const state = new StateDir(path, 'any'); // a lock is opened at the console whichever release closed it
  const kept = state.config();
  const settings = kept === undefined ? {} : parseConfigFile(kept, join(state.path, 'config.toml'));
  return { state, tun: tun ?? settings.tun ?? DEFAULTS.tun };
}

async function show(options: LockOptions): Promise<void> {
  const { state, tun } = placeOf(options);
  const file = state.text('lock') === undefined ? null : join(state.path, 'lock.nft');
  const openedByHand = state.text('lockOpened') !== undefined;
  const answer: LockAnswer = { schema: 1, kernel: await standing(tun), file, openedByHand, table: lockTable(tun) };
  console.log(options.json ? JSON.stringify(answer) : describe(answer));
}

function describe({ kernel, file, openedByHand, table }: LockAnswer): string {
  const by = `table ${table}; look at it with: nft list table ${table}`;
  switch (kernel) {
    case 'closed':
      return `Closed: this machine speaks with members only (${by}).`;
    case 'guard':
      return `Open to strangers; overlay addresses are reached by the overlay only (${by}).`;
    case 'none':
      return file === null ? 'There is no lock: the node is open, or does not run.' : openText(openedByHand);
  }
}

function openText(openedByHand: boolean): string {
  const why = openedByHand ? 'opened by hand' : 'not in force';
  return `Open, although the node is closed: the lock is ${why}. To close it: sudo gscip lock close`;
}
