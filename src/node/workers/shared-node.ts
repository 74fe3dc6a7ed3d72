import { FLOW } from '../../base/flow-words.ts';
import type { PitView } from '../../pit/pit-reader.ts';
import { DIRECTION } from '../../pit/terms.ts';
import type { NodeState } from '../node-state.ts';

/** The tables of a node that its workers read, and a few columns of times that they write, too; all of them are shared memory. */
export interface SharedNode {
  readonly pit: PitView;
  /** see SaSet */
  readonly sendIndex: Int32Array;
  readonly ownerOfSlot: Int32Array;
  readonly unheard: Uint8Array;
  readonly lanesOfSlot: Uint8Array;
  readonly lastSent: Float64Array;
  readonly lastData: Float64Array;
  readonly lastReceived: Float64Array;
  /** see NodeState */
  readonly pathOfSlot: Int32Array;
  /** see PathBook */
  readonly pathWords: Int32Array;
  readonly heard: Float64Array;
  readonly unanswered: Float64Array;
  /** see PathMtus */
  readonly mtu: Int32Array;
  readonly wantedAt: Float64Array;
}

/** What workers see of a node; undefined where it was made without a gate. */
export function sharedNode(node: NodeState): SharedNode | undefined {
  const { sas, paths, mtus, pit, pathOfSlot } = node;
  const { view } = pit;
  if (view === undefined) return undefined;
  const { sendIndex, ownerOfSlot, unheard, lanesOfSlot, lastSent, lastData, lastReceived } = sas;
  return {
    pit: view,
    ...{ sendIndex, ownerOfSlot, unheard, lanesOfSlot, lastSent, lastData, lastReceived, pathOfSlot },
    pathWords: paths.words,
    heard: paths.heard,
    unanswered: paths.unanswered,
    mtu: mtus.mtu,
    wantedAt: mtus.wantedAt,
  };
}

/** Opens the entries by which packets passed, after everything that was decided before has left. */
export function openGates(node: NodeState): void {
  node.pit.openGates((entry) => ownHigh(node, entry));
}

/** Whether this node's end of an entry is the high one; undefined when not one of them is. */
function ownHigh({ pit: { entries }, directory, flow }: NodeState, entry: number): boolean | undefined {
  entries.writeFlow(entry, flow);
  const isSource = directory.isOwn(flow, FLOW.source);
  if (isSource === directory.isOwn(flow, FLOW.destination)) return undefined;
  const openedHigh = entries.direction(entry, 1) === DIRECTION.forward;
  return isSource === openedHigh;
}
