import { execFile } from 'node:child_process';
import { GscipError } from '../../base/errors.ts';
import { formatAddress } from '../../base/ip-address.ts';
import type { PathAddress } from '../../base/path-address.ts';
import { parsePath } from '../../base/path-address.ts';
import { HOSTS, readHosts, writeHosts } from './hosts-file.ts';
import { hostsLines, withBlock, withoutBlock } from './hosts-text.ts';
import type { NameTable } from './name-table.ts';
import type { ResolverMode } from './resolver-choice.ts';

/** One way to tell the machine's resolver of the names, and to take it back. */
export interface ResolverDoor {
  /** `server`: where this node answers; undefined where it does not. Throws where it cannot be told. */
  tell(table: NameTable, server: PathAddress | undefined): Promise<void>;
  /** true when `tell` has nothing to add: what was told is still there */
  stands(table: NameTable): boolean;
  /** takes back what was told, also by an earlier run; nothing where there is nothing */
  undo(): Promise<void>;
}

/** Runs a program of the machine with an input, to its end. */
export type RunProgram = (program: string, args: readonly string[], input?: string) => Promise<void>;

/** The way of this name for an interface. */
export function resolverDoor(mode: ResolverMode, tun: string, run = runProgram, hosts = HOSTS): ResolverDoor {
  switch (mode) {
    case 'resolved':
      return resolvedDoor(tun, run);
    case 'resolvconf':
      return resolvconfDoor(tun, run);
    case 'hosts':
      return hostsDoor(tun, hosts);
  }
}

/**
 * systemd-resolved: settings of the interface alone, which go with it. The domains come before the server, and without a
 * default route: there is no moment at which this node is asked about anything else.
 */
function resolvedDoor(tun: string, run: RunProgram): ResolverDoor {
  const set = (what: string, ...values: readonly string[]) => run('resolvectl', [what, tun, ...values]);
  return {
    tell: async ({ domain, zones }, server) => {
      await set('default-route', 'false');
      await set('domain', domain, ...zones.map((zone) => `~${zone}`));
      for (const what of ['llmnr', 'mdns', 'dnssec', 'dnsovertls']) await set(what, 'no');
      await set('dns', serverText(needed(server)));
    },
    stands: () => true,
    undo: () => run('resolvectl', ['revert', tun]).catch(() => undefined), // no interface, no settings
  };
}

/** openresolv: the domain alone is given to a server of its own (-p). */
function resolvconfDoor(tun: string, run: RunProgram): ResolverDoor {
  const record = `${tun}.gscip`;
  return {
    tell: async ({ domain }, server) => {
      const { family, address, port } = parsePath(needed(server));
      if (port !== 53) throw new Error(`another program has port 53 of ${formatAddress(address)} (IPv${family})`);
      await run('resolvconf', ['-p', '-a', record], `search ${domain}\nnameserver ${formatAddress(address)}\n`);
    },
    stands: () => true,
    undo: () => run('resolvconf', ['-f', '-d', record]).catch(() => undefined), // it is gone with the program
  };
}

/** The hosts file: every name, written anew when members come or go. */
function hostsDoor(tun: string, path: string): ResolverDoor {
  const wanted = (table: NameTable): string => {
    const text = readHosts(path);
    const others = text === undefined ? undefined : withoutBlock(text, tun);
    return withBlock(others, tun, hostsLines(table, others ?? ''));
  };
  return {
    tell: async (table) => {
      writeHosts(path, wanted(table));
    },
    stands: (table) => readHosts(path) === wanted(table),
    undo: async () => {
      const text = readHosts(path);
      if (text !== undefined) writeHosts(path, withoutBlock(text, tun));
    },
  };
}

function needed(server: PathAddress | undefined): PathAddress {
  if (server === undefined) throw new Error('this node could not open a socket to answer at');
  return server;
}

/** As systemd-resolved reads it: a port only where it is not the usual one. */
function serverText(server: PathAddress): string {
  const { address, port } = parsePath(server);
  return port === 53 ? formatAddress(address) : server;
}

/** How long one of these programs may take, in milliseconds: openresolv waits until the local resolver has started anew. */
const PATIENCE = 15_000;

const runProgram: RunProgram = (program, args, input = '') =>
  new Promise((resolve, reject) => {
    const child = execFile(program, [...args], { timeout: PATIENCE }, (error, _, stderr) => {
      if (!error) return resolve();
      reject(new GscipError('resolver-failed', `"${program} ${args[0]}": ${stderr.trim() || error.message}`, ''));
    });
    child.stdin?.on('error', () => undefined); // that it ended early is told by its exit
    child.stdin?.end(input);
  });
