import { ADDRCONFIG } from 'node:dns';
import { lookup, lookupService, Resolver } from 'node:dns/promises';
import type { Command } from 'commander';
import type { DnsStatus, HealthLine, StatusAnswer } from '../api/status.ts';
import { GscipError } from '../base/errors.ts';
import { parseAddress } from '../base/ip-address.ts';
import { DEFAULTS } from '../node/agent-config.ts';
import { undoLeftNames } from '../node/names/left-names.ts';
import { StateDir } from '../node/state-dir.ts';
import { type AgentOptions, agentFlags } from './agent-options.ts';
import { ask } from './control-client.ts';
import { namesText } from './names-text.ts';
import { needRoot } from './need-root.ts';
import { examples, jsonFlag, printJson } from './output.ts';

/** `gscip dns status|query|undo` */
export function define(command: Command): void {
  command.description(
    'Members by name: "NAME" and "NAME.NETWORK.gscip" are found by the programs of this machine, which go on asking their own resolver for everything else.',
  );
  defineStatus(command.command('status').description('say by what the names are found, and which there are not'));
  defineQuery(command.command('query').description('look up a name or an address, at the node and as programs do'));
  defineUndo(command.command('undo').description('take away what a crashed agent told the resolver of this machine'));
  examples(command, [
    ['gscip dns status', 'the domain of the network, and how this machine learns its names'],
    ['gscip dns query bob', 'what the node says of "bob", and what a program here would find'],
    ['sudo gscip dns undo', 'after a crash, without starting the node again; "gscip up" does it, too'],
  ]);
}

function defineStatus(command: Command): void {
  agentFlags(command).action(async ({ socket, json }: AgentOptions) => {
    const { dns, health } = await ask<StatusAnswer>(socket, { verb: 'status' });
    const lines = health.filter(({ code }) => code === 'names-not-told' || code === 'no-host-name');
    if (json) printJson({ dns, health: lines });
    else console.log(describe(dns, lines));
  });
  examples(command, [['gscip dns status --json', '"dns" as in "gscip status", and the health lines about names']]);
}

function describe(dns: DnsStatus, health: readonly HealthLine[]): string {
  return [
    `Names: ${namesText(dns)}`,
    ...(dns.server === null
      ? []
      : [`This node answers questions about *.${dns.domain} at ${dns.server}, to this machine only.`]),
    ...health.map(({ code, text }) => `${code}: ${text}`),
  ].join('\n');
}

/** What one look-up gave: addresses or names, or the code of its error. */
type Found = readonly string[] | string;

function defineQuery(command: Command): void {
  agentFlags(command)
    .argument('<name>', 'of a member, whole or short; or an address')
    .action(async (name: string, { socket, json }: AgentOptions) => {
      const { dns } = await ask<StatusAnswer>(socket, { verb: 'status' });
      const [node, machine] = await Promise.all([askNode(dns, name), attempt(() => askMachine(name))]);
      if (json) printJson({ name, server: dns.server, node, machine });
      else
        console.log(
          `the node (${dns.server ?? 'does not answer'}): ${text(node)}\nprograms here (${dns.mode}): ${text(machine)}`,
        );
      if (typeof machine === 'string') process.exitCode = 1;
    });
  examples(command, [['gscip dns query 100.64.0.2', 'the name that belongs to an address']]);
}

function text(found: Found): string {
  return typeof found === 'string' ? `nothing (${found})` : found.join(', ');
}

/** How long the node may take to answer, in milliseconds. */
const PATIENCE = 2_000;

async function askNode({ server, domain }: DnsStatus, name: string): Promise<Found> {
  if (server === null) return 'no-server';
  const resolver = new Resolver({ timeout: PATIENCE, tries: 1 });
  resolver.setServers([server]);
  if (parseAddress(name)) return attempt(() => resolver.reverse(name));
  const whole = name.includes('.') ? name : `${name}.${domain}`;
  const found = await Promise.all([attempt(() => resolver.resolve4(whole)), attempt(() => resolver.resolve6(whole))]);
  const addresses = found.flatMap((each) => (typeof each === 'string' ? [] : each));
  const [first] = found;
  return addresses.length === 0 && typeof first === 'string' ? first : addresses;
}

/** As any program does, by the rules of this machine. */
async function askMachine(name: string): Promise<readonly string[]> {
  if (parseAddress(name)) return [(await lookupService(name, 0)).hostname];
  const found = await lookup(name, { all: true, hints: ADDRCONFIG });
  return [...new Set(found.map(({ address }) => address))];
}

async function attempt(look: () => Promise<readonly string[]>): Promise<Found> {
  try {
    return await look();
  } catch (error) {
    return error instanceof Error && 'code' in error ? String(error.code) : String(error);
  }
}

interface UndoOptions {
  readonly state: string;
  readonly json?: boolean;
}

function defineUndo(command: Command): void {
  jsonFlag(command)
    .option('--state <DIR>', "the node's folder", DEFAULTS.state)
    .action(async ({ state, json }: UndoOptions) => {
      needRoot('the resolver of the machine is for root');
      const undone = await undoNames(state);
      if (json) printJson({ undone });
      else
        console.log(undone.length === 0 ? 'Nothing was left.' : `Taken away: what was told by ${undone.join(', ')}.`);
    });
  examples(command, [['sudo gscip dns undo', 'for a running agent: it tells the resolver again within seconds']]);
}

/** Takes away what the node of this folder told the machine's resolver; throws where that cannot be. */
export async function undoNames(folder: string): Promise<readonly string[]> {
  try {
    return await undoLeftNames(new StateDir(folder));
  } catch (cause) {
    if (cause instanceof GscipError) throw cause;
    throw new GscipError(
      'names-not-undone',
      `names of members are still known to this machine: ${cause instanceof Error ? cause.message : String(cause)}`,
      'make /etc/hosts writable and run "gscip dns undo" again',
      cause,
    );
  }
}
