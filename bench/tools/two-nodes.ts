import type { Lab } from '../../src/cli/lab/lab.ts';
import { withLab } from '../../src/cli/lab/lab.ts';
import type { Overlay, OverlayNode } from '../../src/cli/lab/overlay.ts';
import { pair } from '../../test/netns/kit.ts';
import { gscip, overlayOf, startNodes } from '../peers/gscip.ts';
import type { Bed } from '../peers/peer.ts';
import { startToReply } from '../peers/start-to-reply.ts';

/** Two running nodes of one group that have answered each other. */
export interface TwoNodes {
  readonly lab: Lab;
  readonly bed: Bed;
  readonly overlay: Overlay;
  readonly a: OverlayNode;
  readonly b: OverlayNode;
  /** their overlay addresses */
  readonly aInside: string;
  readonly bInside: string;
}

/** Options of a node beside what every bench gives it, as words of `gscip up`. */
export interface NodeTuning {
  readonly mtu?: number;
  readonly extra?: readonly string[];
  /** what starts the nodes, where that is not what is built */
  readonly program?: readonly string[];
}

/** Lays two nodes on one wire, waits until they talk, runs `body`, and takes everything down. */
export function withTwoNodes<T>(tuning: NodeTuning, body: (nodes: TwoNodes) => Promise<T>): Promise<T> {
  return withLab((lab) => withNodesOn(pairBed(lab, tuning.mtu ?? 1420), tuning, body));
}

/** Two machines on one wire, for tunnels of this MTU. */
export function pairBed(lab: Lab, mtu: number): Bed {
  return { lab, ...pair(lab), mtu };
}

/** The same on a bed that is there already; the MTU is the bed's. Whoever made the lab takes it down. */
export async function withNodesOn<T>(
  bed: Bed,
  { extra = [], program }: Omit<NodeTuning, 'mtu'>,
  body: (nodes: TwoNodes) => Promise<T>,
): Promise<T> {
  const peer = { ...gscip, start: () => startNodes(bed, extra, program) };
  const { tunnel } = await startToReply(peer, bed);
  const overlay = overlayOf(bed);
  const [a, b] = overlay.nodes;
  if (a === undefined || b === undefined) throw new Error('an overlay of two nodes has two nodes');
  return body({ lab: bed.lab, bed, overlay, a, b, aInside: await a.address(), bInside: tunnel.address });
}
