import type { HealthLine, StatusAnswer } from '../api/status.ts';
import { GscipError } from '../base/errors.ts';
import type { Logger } from '../base/log.ts';
import type { VerifiedBundle } from '../crypto/bundle-verify.ts';
import { nodeProvider } from '../crypto/node-provider.ts';
import type { Prefix } from '../tun/prefix.ts';
import type { AgentConfig } from './agent-config.ts';
import { type ImportedBundle, importOrKeep } from './bundle-import.ts';
import type { BundleKeys, BundleKeysDeps } from './bundle-keys.ts';
import { bootClock, now, wallClock } from './clocks.ts';
import type { Engine } from './engine.ts';
import { clockWentBack, refusedRosterLine } from './health.ts';
import { RandomPool } from './random-pool.ts';
import type { ResumedKeys } from './resumed-keys.ts';
import { prefixOf } from './route-prefix.ts';
import type { ServerDial } from './server-dial.ts';
import { hasIdentity } from './server-link/identity-store.ts';
import type { LinkPorts } from './server-link/link-shell.ts';
import { LinkedNode } from './server-link/linked-node.ts';
import { ownEndpoints } from './server-link/own-endpoints.ts';
import { systemdCredentials } from './server-link/sealer.ts';
import { NO_SERVER, serverHealth, serverStatus } from './server-link/server-status.ts';
import { waitForKeys } from './server-link/waiting.ts';
import type { KeptState, StateDir } from './state-dir.ts';

/** Where the keys of a node come from. */
export type KeySource =
  | { readonly kind: 'file'; readonly imported: ImportedBundle; readonly deps: SourceDeps }
  | {
      readonly kind: 'server';
      readonly linked: LinkedNode;
      readonly keys: VerifiedBundle | ResumedKeys;
      /** they came just now, and the server waits to hear that they are kept */
      readonly isFirst: boolean;
      readonly deps: SourceDeps;
    };

type SourceDeps = Pick<BundleKeysDeps, 'boot' | 'clock' | 'edSeed' | 'longGrace'>;

interface SourceTools {
  readonly state: StateDir;
  readonly kept: KeptState | undefined;
  readonly log: Logger;
  readonly dial: ServerDial;
  /** somebody ends the node while it starts */
  readonly end: AbortSignal;
}

/**
 * The keys to start with: a bundle that is named or was kept; else those that a server gave in an earlier run, at once; else
 * the first ones of a server, for as long as that takes. `settings` is kept before anything is waited for.
 */
export async function sourceOf(config: AgentConfig, settings: string, tools: SourceTools): Promise<KeySource> {
  const { state, kept } = tools;
  if (config.join !== undefined || (hasIdentity(state) && !config.given.has('bundle')))
    return serverSource(config, settings, tools);
  const file = { file: config.bundle, given: config.given.has('bundle') };
  return { kind: 'file', imported: importOrKeep(state, file, kept, nodeProvider, wallClock()), deps: {} };
}

/** Address ranges of the network. */
export function poolOf(source: KeySource): Prefix[] {
  return facts(source).pool.map(prefixOf);
}

/** The node as its server knows it; throws where there is none. */
export function linkedNode(source: KeySource): LinkedNode {
  if (source.kind === 'server') return source.linked;
  throw new GscipError('no-server', 'this node belongs to no server', 'delete its state folder to forget it');
}

/** Somebody has newer keys than this node. */
export function refreshKeys(source: KeySource, what: string, log: Logger): void {
  if (source.kind === 'server') source.linked.refresh();
  else log.log('warn', 'newer-keys-wanted', { what, remedy: 'read a newer bundle' });
}

/** A server hears where this node is: behind which element, or at which addresses of its own. */
export function tellEndpoints(source: KeySource, port: number, tun: string, { elements, node }: Engine): void {
  if (source.kind === 'file') return;
  const own = () => ownEndpoints(port, tun, node.keys.self().routes.map(prefixOf));
  source.linked.setEndpoints(port, elements.above?.place ?? own());
}

/** What is wrong with the source, and with what came from it. */
export function sourceHealth(source: KeySource, keys: BundleKeys): HealthLine[] {
  const lines =
    source.kind === 'server'
      ? serverHealth(source.linked.facts(), keys.corrected())
      : clockWentBack(keys.unixNow() - wallClock());
  return [...lines, ...keys.refusedRosters().map(refusedRosterLine)];
}

/** The server as `status` shows it. */
export function sourceStatus(source: KeySource, keys: BundleKeys): StatusAnswer['server'] {
  return source.kind === 'server' ? serverStatus(source.linked.facts(), keys.corrected()) : NO_SERVER;
}

function facts(source: KeySource) {
  if (source.kind === 'file') return source.imported.verified.bundle;
  return 'bundle' in source.keys ? source.keys.bundle : source.keys.facts;
}

/** A node that lives by a file loads no client of WebSockets. */
async function ports(dial: ServerDial): Promise<Pick<LinkPorts, 'every' | 'open'>> {
  const { LinkSocket } = await import('./server-link/link-socket.ts');
  return {
    every: (interval, act) => {
      const timer = setInterval(act, interval);
      return () => clearInterval(timer);
    },
    open: (address, calls) => new LinkSocket(address, calls, dial.connect),
  };
}

async function serverSource(config: AgentConfig, settings: string, tools: SourceTools): Promise<KeySource> {
  const { state, kept, log, dial, end } = tools;
  const random = new RandomPool().take;
  const clocks = { wall: wallClock, boot: bootClock, now };
  const shell = { provider: nodeProvider, random, machine: systemdCredentials, log, ...clocks, ...(await ports(dial)) };
  const linked = new LinkedNode(config, state, kept?.keys.leaseClock ?? 0, shell);
  const deps = { boot: bootClock, clock: linked.clock, edSeed: linked.edSeed, longGrace: false };
  const resumed = linked.resume();
  if (resumed) return { kind: 'server', linked, keys: resumed, isFirst: false, deps };
  state.writeConfig(settings);
  const keys = await waitForKeys(config, linked, { state, log, end });
  return { kind: 'server', linked, keys, isFirst: true, deps };
}
