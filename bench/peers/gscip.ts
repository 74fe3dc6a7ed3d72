import { ensureBuilt, Overlay } from '../../src/cli/lab/overlay.ts';
import { tryNow } from '../../src/cli/lab/run-now.ts';
import { commit } from '../tools/machine.ts';
import type { Bed, Peer, Tunnel } from './peer.ts';

const overlays = new WeakMap<Bed, Overlay>();

/** The overlay that was built on a bed; throws when there is none yet. */
export function overlayOf(bed: Bed): Overlay {
  const found = overlays.get(bed);
  if (found === undefined) throw new Error('no overlay was prepared on this bed');
  return found;
}

/** GSCIP as a user starts it: two nodes of one group with bundles of an offline authority. */
export const gscip: Peer = {
  name: 'gscip',
  version: () => `commit ${commit()}`,
  missing: () => (tryNow('g++', ['--version']) ? undefined : 'g++ (Debian: apt-get install g++)'),
  prepare: async (bed) => {
    ensureBuilt();
    const overlay = new Overlay(bed.lab, ['bench']);
    for (const name of ['a', 'b'] as const) overlay.add(name, bed[name], { groups: ['bench'] });
    overlay.rewriteBundles();
    overlays.set(bed, overlay);
  },
  start: (bed) => startNodes(bed),
};

const PORT = 47247;

/** Starts both nodes of a prepared bed; `extra` are more words for `gscip up`, `program` what starts it where that is not what is built. */
export async function startNodes(
  bed: Bed,
  extra: readonly string[] = [],
  program?: readonly string[],
): Promise<Tunnel> {
  const [a, b] = overlayOf(bed).nodes;
  if (a === undefined || b === undefined) throw new Error('prepare makes two nodes');
  const at = { a: `${bed.aAddress}:${PORT}`, b: `${bed.bAddress}:${PORT}` };
  const common = { mtu: bed.mtu, extra, warmUp: true, ...(program && { program }) };
  const aProcess = a.start({ ...common, listen: at.a, peers: [{ name: 'b', at: at.b }] });
  const bProcess = b.start({ ...common, listen: at.b, peers: [{ name: 'a', at: at.a }] });
  await a.ready();
  return { address: await b.address(), aProcess, bProcess };
}
