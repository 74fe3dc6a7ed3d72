import { type PathAddress, pathAddress } from '../base/path-address.ts';
import type { PersistedKeys } from './bundle-keys.ts';
import type { KeptRoster } from './kept-roster.ts';
import type { KeptState } from './state-dir.ts';

type Fields = Readonly<Record<string, unknown>>;

const KEY = /^[0-9a-f]{64}$/;
const ID = /^[0-9a-f]{32}$/;
const HEX = /^([0-9a-f]{2})+$/;

/** Parses the file of kept state; undefined where anything in it has not the shape that the node writes. */
export function parseKept(text: string): KeptState | undefined {
  const { admin, node, bundleNumber, keys, paths } = fieldsOf(parseJson(text));
  const [persisted, endpoints] = [parseKeys(keys), parsePaths(paths)];
  if (typeof admin !== 'string' || !KEY.test(admin) || typeof node !== 'string' || !ID.test(node)) return undefined;
  if (!isCount(bundleNumber) || persisted === undefined || endpoints === undefined) return undefined;
  return { admin, node, bundleNumber, keys: persisted, paths: endpoints };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function parseKeys(value: unknown): PersistedKeys | undefined {
  const { groups, rosters, leaseClock } = fieldsOf(value);
  if (!isCount(leaseClock) || typeof groups !== 'object' || groups === null) return undefined;
  const parsed: Record<string, PersistedKeys['groups'][string]> = {};
  for (const [id, marks] of Object.entries(groups)) {
    const { highestCurrent, removalFloor } = fieldsOf(marks);
    if (!ID.test(id) || !isCount(highestCurrent) || !isCount(removalFloor)) return undefined;
    parsed[id] = { highestCurrent, removalFloor };
  }
  const kept = parseRosters(rosters);
  return kept && { groups: parsed, rosters: kept, leaseClock };
}

function parseRosters(value: unknown): PersistedKeys['rosters'] | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const parsed: Record<string, KeptRoster> = {};
  for (const [id, roster] of Object.entries(value)) {
    const { seq, head, learned } = fieldsOf(roster);
    if (!ID.test(id) || !isCount(seq) || typeof head !== 'string' || !KEY.test(head)) return undefined;
    if (!Array.isArray(learned) || !learned.every(isHex)) return undefined;
    parsed[id] = { seq, head, learned };
  }
  return parsed;
}

function parsePaths(value: unknown): Record<string, PathAddress> | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const parsed: Record<string, PathAddress> = {};
  for (const [id, path] of Object.entries(value)) {
    try {
      parsed[id] = pathAddress(String(path));
    } catch {
      return undefined;
    }
  }
  return parsed;
}

function fieldsOf(value: unknown): Fields {
  return typeof value === 'object' && value !== null ? { ...value } : {};
}

function isHex(value: unknown): value is string {
  return typeof value === 'string' && HEX.test(value);
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && value >= 0 && Number.isFinite(value);
}
