import type { GroupId, KeyVersion, NodeId } from '../base/brands.ts';
import type { ModeName } from '../base/datagram-kinds.ts';
import type { SideName } from './constants.ts';
import type { EndType } from './wire-names.ts';

/** One GE between the terminal that sent a packet and its destination, as the decision table sees it (protocol.md 20.1). */
export interface PathElement {
  readonly id: NodeId;
  readonly type: EndType;
  readonly mode: ModeName;
  /** what its protected network holds: the source, the destination, neither (transit), both */
  readonly side: SideName;
  /** the groups that it is in, with the newest version that it holds */
  readonly groups: ReadonlyMap<GroupId, KeyVersion>;
}

/** An element between this node and a peer: what it said of itself, or null where only its part in the plan was seen. */
export interface SeenElement {
  readonly id: NodeId;
  readonly said: PathElement | null;
}

/**
 * True when the sides read S* (N|B)* D*, a GES or GEA stands only at the very ends (a GES forwards nothing, a GEA sits
 * at its server), and no element occurs twice (protocol.md 20.1).
 */
export function isWellFormed(path: readonly PathElement[]): boolean {
  let phase = 0;
  for (const { side } of path) {
    if (PHASE[side] < phase) return false;
    phase = PHASE[side];
  }
  const last = path.length - 1;
  const ends = path.every(
    ({ type, side }, at) => type === 'gen' || (at === 0 && side === 's') || (at === last && side === 'd'),
  );
  return ends && new Set(path.map(({ id }) => id)).size === path.length;
}

/** Positions of the elements that may speak for the source: the nearest one alone if it is no GEN, else every GEN over it. */
export function sourceSpeakers(path: readonly PathElement[]): number[] {
  const own = path.flatMap(({ side }, at) => (side === 's' ? [at] : []));
  return own.length > 0 && path[own[0]].type !== 'gen' ? [own[0]] : own;
}

/** The same for the destination. */
export function destinationSpeakers(path: readonly PathElement[]): number[] {
  const own = path.flatMap(({ side }, at) => (side === 'd' ? [at] : []));
  const nearest = own.at(-1);
  return nearest !== undefined && path[nearest].type !== 'gen' ? [nearest] : own;
}

const PHASE: Readonly<Record<SideName, number>> = { s: 0, n: 1, b: 1, d: 2 };
