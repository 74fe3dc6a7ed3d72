import type { Millis } from '../base/brands.ts';
import type { Cid } from '../base/cid.ts';
import { cidOfWords } from '../base/flow-cid.ts';
import { FLOW } from '../base/flow-words.ts';
import type { Owner, Owners } from './owners.ts';
import type { Pit } from './table.ts';
import { TCP_STATE_NAMES } from './tcp-state.ts';
import { DIRECTION, PIT_ACTION_NAMES, type PitActionName, type PitState } from './terms.ts';

/** One entry as lists and watchers show it. */
export interface PitEntry {
  readonly entry: number;
  /** as the flow's first packet had it */
  readonly cid: Cid;
  readonly action: PitActionName;
  readonly state: PitState;
  /** null without a peer */
  readonly owner: Owner | null;
  readonly version: number;
  readonly packets: readonly [forward: number, reverse: number];
  readonly bytes: readonly [forward: number, reverse: number];
  readonly ageSeconds: number;
  readonly idleSeconds: number;
  readonly tcpState: (typeof TCP_STATE_NAMES)[number];
  readonly reason: number;
}

const words = new Int32Array(FLOW.stride);

/** A copy of one entry in use; owners are those that the table was made with. */
export function describeEntry(pit: Pit, owners: Owners, entry: number, now: Millis): PitEntry {
  const { entries } = pit;
  entries.writeFlow(entry, words);
  return {
    entry,
    cid: cidOfWords(words),
    action: actionName(entries.action(entry)),
    state: entries.isConfirmed(entry) ? 'confirmed' : 'provisional',
    owner: owners.owner(entries.owner(entry)),
    version: entries.version(entry),
    packets: [entries.packets(entry, DIRECTION.forward), entries.packets(entry, DIRECTION.reverse)],
    bytes: [entries.bytes(entry, DIRECTION.forward), entries.bytes(entry, DIRECTION.reverse)],
    ageSeconds: entries.age(entry, now),
    idleSeconds: Math.floor(entries.idle(entry, now) / 1000),
    tcpState: TCP_STATE_NAMES[entries.tcpState(entry)] ?? 'none',
    reason: entries.reason(entry),
  };
}

/** Entries in use from number `from` on, one after the other; changing the table in between is allowed. */
export function* entriesFrom(pit: Pit, from = 0): Generator<number> {
  for (let entry = pit.entries.inUseFrom(from); entry >= 0; entry = pit.entries.inUseFrom(entry + 1)) yield entry;
}

function actionName(action: number): PitActionName {
  const name = PIT_ACTION_NAMES[action];
  if (name === undefined) throw new RangeError(`no action has the number ${action}`);
  return name;
}
