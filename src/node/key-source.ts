import type { Logger } from '../base/log.ts';
import type { VerifiedBundle } from '../crypto/bundle-verify.ts';
import { nodeProvider } from '../crypto/node-provider.ts';
import type { Prefix } from '../tun/prefix.ts';
import type { AgentConfig } from './agent-config.ts';
import { type ImportedBundle, importOrKeep } from './bundle-import.ts';
import type { BundleKeysDeps } from './bundle-keys.ts';
import { bootClock, now, wallClock } from './clocks.ts';
import { RandomPool } from './random-pool.ts';
import type { ResumedKeys } from './resumed-keys.ts';
import { prefixOf } from './route-prefix.ts';
import type { ServerDial } from './server-dial.ts';
import { hasIdentity } from './server-link/identity-store.ts';
import type { LinkPorts } from './server-link/link-shell.ts';
import { LinkedNode } from './server-link/linked-node.ts';
import { systemdCredentials } from './server-link/sealer.ts';
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

type SourceDeps = Pick<BundleKeysDeps, 'boot' | 'edSeed' | 'longGrace'>;

interface SourceTools {
  readonly state: StateDir;
  readonly kept: KeptState | undefined;
  readonly log: Logger;
  readonly dial: ServerDial;
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
  const { state, kept, log, dial } = tools;
  const random = new RandomPool().take;
  const clocks = { wall: wallClock, boot: bootClock, now };
  const shell = { provider: nodeProvider, random, machine: systemdCredentials, log, ...clocks, ...(await ports(dial)) };
  const linked = new LinkedNode(config, state, kept?.keys.leaseClock ?? 0, shell);
  const deps = { boot: bootClock, edSeed: linked.edSeed, longGrace: false };
  const resumed = linked.resume();
  if (resumed) return { kind: 'server', linked, keys: resumed, isFirst: false, deps };
  state.writeConfig(settings);
  const keys = await waitForKeys(config, linked, state, log);
  return { kind: 'server', linked, keys, isFirst: true, deps };
}
