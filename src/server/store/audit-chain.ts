import { unixSeconds } from '../../base/brands.ts';
import { concat, fromHex, toHex, utf8 } from '../../base/bytes.ts';
import { encodeCbor } from '../../base/cbor.ts';
import { GscipError } from '../../base/errors.ts';
import type { CryptoProvider } from '../../crypto/provider.ts';
import { isObject } from './field-codec.ts';
import type { AuditTable } from './schema.ts';
import type { Actor, AuditEntry, AuditOutcome, JsonValue } from './store.ts';

/** An entry before it is hashed into the chain. */
export type AuditDraft = Omit<AuditTable, 'seq' | 'hash'>;

/** The end of the chain so far. */
export interface ChainEnd {
  readonly seq: number;
  readonly hash: string;
}

/** How many changed rows an entry names. */
const NAMED_CHANGES = 50;

/** What stands before the first entry. */
export function chainStart(provider: CryptoProvider, origin: string): ChainEnd {
  return { seq: 0, hash: toHex(provider.sha256(utf8(`gscip1 audit ${origin}`))) };
}

/** The entry in its place: hash = SHA-256(hash before · the entry in deterministic CBOR). */
export function chained(provider: CryptoProvider, end: ChainEnd, draft: AuditDraft): AuditTable {
  const seq = end.seq + 1;
  return { ...draft, seq, hash: entryHash(provider, end.hash, { ...draft, seq }) };
}

/** SHA-256 over the hash before and every column of the entry. */
export function entryHash(provider: CryptoProvider, before: string, entry: Omit<AuditTable, 'hash'>): string {
  const canonical = encodeCbor([
    entry.seq,
    entry.at,
    entry.actor_kind,
    entry.actor_name,
    entry.action,
    entry.outcome,
    entry.code,
    entry.changes,
    entry.detail,
    entry.revision,
  ]);
  return toHex(provider.sha256(concat(fromHex(before), canonical)));
}

/** The changed rows as an entry names them. */
export function namedChanges(names: readonly string[]): string {
  const rest = names.length - NAMED_CHANGES;
  return JSON.stringify(rest > 0 ? [...names.slice(0, NAMED_CHANGES), `… and ${rest} more`] : names);
}

/** An entry as readers get it; throws GscipError when a column holds what no entry has. */
export function auditEntry(row: AuditTable): AuditEntry {
  const { seq, action, code, revision, hash } = row;
  try {
    const changes: JsonValue = JSON.parse(row.changes);
    const detail: JsonValue = JSON.parse(row.detail);
    const kind = ACTORS.find((each) => each === row.actor_kind);
    const outcome = OUTCOMES.find((each) => each === row.outcome);
    if (!Array.isArray(changes) || !isObject(detail) || !kind || !outcome) throw new RangeError('not of its form');
    const actor = { kind, name: row.actor_name };
    return {
      seq,
      at: unixSeconds(row.at),
      actor,
      action,
      outcome,
      code,
      changes: changes.map(String),
      detail,
      revision,
      hash,
    };
  } catch (cause) {
    throw new GscipError(
      'database-damaged',
      `entry ${seq} of the audit log cannot be read`,
      'gscip admin audit verify tells which entries are not what was written.',
      cause,
    );
  }
}

const ACTORS: readonly Actor['kind'][] = ['local', 'administrator', 'node', 'token', 'server'];
const OUTCOMES: readonly AuditOutcome[] = ['done', 'refused', 'failed'];
