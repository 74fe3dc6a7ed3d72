import { toHex } from '../base/bytes.ts';
import type { PathAddress } from '../base/path-address.ts';
import { routeOf } from '../nat/path-route.ts';
import type { BundleKeys } from './bundle-keys.ts';
import type { Engine } from './engine.ts';
import type { KeySource } from './key-source.ts';
import type { NodeMemory } from './state-keeper.ts';

/** What a running node keeps on the disk, so that a restart goes on from it. */
export function nodeMemory({ node }: Engine, keys: BundleKeys, source: KeySource): NodeMemory {
  const paths: Record<string, PathAddress> = {};
  for (const { peer, current } of node.paths.peers()) {
    // a channel of a relay does not outlive the process
    if (current !== undefined && routeOf(current).kind === 'direct') paths[peer] = current;
  }
  const { admin } = keys.facts();
  const number = keys.bundleNumber();
  const kept = { admin: toHex(admin), node: keys.self().id, bundleNumber: number, keys: keys.persistent(), paths };
  if (source.kind === 'file') return { bundle: source.imported.bytes, kept };
  const cache = source.linked.sealedCache();
  return { kept, ...(cache && { cache }) };
}
