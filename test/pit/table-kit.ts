import { groupId, type Millis, millis, nodeId } from '../../src/base/brands.ts';
import { FLOW } from '../../src/base/flow-words.ts';
import { Owners } from '../../src/pit/owners.ts';
import type { PitLimits } from '../../src/pit/quota.ts';
import { type NewEntry, Pit } from '../../src/pit/table.ts';
import { PIT_ACTION } from '../../src/pit/terms.ts';

/** A table with its owners, and flows made of small numbers. */
export interface Kit {
  readonly pit: Pit;
  readonly owners: Owners;
  /** The owner of peer n in group g. */
  owner(peer: number, group?: number, chain?: number): number;
}

export const WIDE: PitLimits = { entriesPerPeer: 1_000_000, newPerSecond: 1_000_000 };

export function kit(capacity = 64, limits: PitLimits = WIDE): Kit {
  const owners = new Owners();
  const pit = new Pit({ capacity, seed: { low: 0x01234567, high: 0x89abcdef | 0 }, owners, limits });
  return {
    pit,
    owners,
    owner: (peer, group = 1, chain = 0) => owners.number({ peer: node(peer), group: groupOf(group), chain }),
  };
}

export const node = (number: number) => nodeId(number.toString(16).padStart(32, '0'));
export const groupOf = (number: number) => groupId(number.toString(16).padStart(32, 'f'));

export interface FlowFields {
  readonly family?: 4 | 6;
  readonly protocol?: number;
  readonly source?: number;
  readonly destination?: number;
  readonly sourcePort?: number;
  readonly destinationPort?: number;
}

/** CID words of a flow between the addresses 100.64.x.y or fd00::x that two numbers name. */
export function flow(fields: FlowFields = {}): Int32Array {
  const family = fields.family ?? 4;
  const words = new Int32Array(FLOW.stride);
  const base = family === 4 ? 0x64400000 : 0;
  words[FLOW.head] = (family << 8) | (fields.protocol ?? 17);
  if (family === 6) {
    words[FLOW.source] = 0xfd000000;
    words[FLOW.destination] = 0xfd000000;
  }
  words[FLOW.source + 3] = base + (fields.source ?? 1);
  words[FLOW.destination + 3] = base + (fields.destination ?? 2);
  words[FLOW.ports] = ((fields.sourcePort ?? 0) << 16) | (fields.destinationPort ?? 0);
  return words;
}

export function reversed(words: Int32Array): Int32Array {
  const out = words.slice();
  out.set(words.subarray(FLOW.source, FLOW.destination), FLOW.destination);
  out.set(words.subarray(FLOW.destination, FLOW.ports), FLOW.source);
  out[FLOW.ports] = (words[FLOW.ports] << 16) | (words[FLOW.ports] >>> 16);
  return out;
}

export function values(owner: number, fields: Partial<NewEntry> = {}): NewEntry {
  return {
    action: PIT_ACTION.encrypt,
    confirmed: false,
    owner,
    version: 1,
    pitIdHigh: 0,
    pitIdLow: 0,
    reason: 0,
    ...fields,
  };
}

export const at = (ms: number): Millis => millis(ms);
