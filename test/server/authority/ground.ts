import { unixSeconds } from '../../../src/base/brands.ts';
import { openBundle, type VerifiedBundle } from '../../../src/crypto/bundle-verify.ts';
import { nodeProvider } from '../../../src/crypto/node-provider.ts';
import { bundleFor } from '../../../src/server/authority/bundle-rules.ts';
import { addGroup, newAuthority } from '../../../src/server/authority/network-rules.ts';
import { addNode, type NodeRequest, nodeNamed } from '../../../src/server/authority/node-rules.ts';
import type { AuthorityState, AuthorityTools } from '../../../src/server/authority/state.ts';
import { parsePool } from '../../../src/server/network/address-plan.ts';

/** Any moment will do. */
export const START = 1_800_000_000;

/** Tools at a moment, with randomness that is the same in every run and never repeats within one. */
export function toolsAt(offset = 0, seed = 1): AuthorityTools {
  let calls = 0;
  const random = (length: number) => {
    calls += 1;
    const input = Uint8Array.of(seed, offset & 0xff, (offset >> 8) & 0xff, calls);
    return nodeProvider.hkdfExpand(nodeProvider.sha256(input), input, length);
  };
  return { provider: nodeProvider, random, now: unixSeconds(START + offset) };
}

/** A network with the groups lab and home, still without nodes. */
export function emptyNetwork(pool = '100.64.0.0/10'): AuthorityState {
  const made = newAuthority(toolsAt(), 'test', parsePool(pool));
  return addGroup(toolsAt(1), addGroup(toolsAt(2), made, 'lab'), 'home');
}

/** The same with alice in lab and home, and bob in lab. */
export function network(): AuthorityState {
  return withNode(withNode(emptyNetwork(), { name: 'alice', groups: ['lab', 'home'] }, 3), { name: 'bob' }, 4);
}

const REQUEST: NodeRequest = { name: 'node', type: 'ges', mode: 'op', groups: ['lab'], address: undefined, routes: [] };

export function withNode(state: AuthorityState, request: Partial<NodeRequest>, offset = 10): AuthorityState {
  return addNode(toolsAt(offset), state, { ...REQUEST, ...request });
}

/** The node's bundle, opened as the node itself would. */
export function opened(state: AuthorityState, name: string, offset = 60): VerifiedBundle {
  const tools = toolsAt(offset);
  const bundle = openBundle(nodeProvider, bundleFor(tools, state, nodeNamed(state, name)), tools.now);
  if (typeof bundle === 'string') throw new Error(bundle);
  return bundle;
}

/** Versions of a group in a bundle. */
export function versionsOf(bundle: VerifiedBundle, name: string) {
  return bundle.groups.find(({ roster }) => roster.name === name)?.versions ?? [];
}
