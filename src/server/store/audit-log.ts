import { setImmediate as othersFirst } from 'node:timers/promises';
import type { CryptoProvider } from '../../crypto/provider.ts';
import { auditEntry, type ChainEnd, chainStart, entryHash } from './audit-chain.ts';
import { readHead } from './head.ts';
import type { AuditTable, Sql } from './schema.ts';
import type { Sealer } from './sealer.ts';
import type { AuditCheck, AuditEntry, AuditQuery } from './store.ts';

const DEFAULT_LIMIT = 100;
const LARGEST_LIMIT = 1_000;
const PAGE = 1_000;

/** Entries as asked for, oldest first. */
export async function readAudit(sql: Sql, { after = 0, limit, last }: AuditQuery): Promise<readonly AuditEntry[]> {
  const count = Math.max(0, Math.min(last ?? limit ?? DEFAULT_LIMIT, LARGEST_LIMIT));
  const query = sql.selectFrom('gscip_audit').selectAll().where('seq', '>', after).limit(count);
  if (last === undefined) return (await query.orderBy('seq', 'asc').execute()).map(auditEntry);
  return (await query.orderBy('seq', 'desc').execute()).reverse().map(auditEntry);
}

/** Reads the whole log and compares it with its hashes and with the sealed head. */
export async function checkAudit(sql: Sql, provider: CryptoProvider, sealer: Sealer): Promise<AuditCheck> {
  const head = await readHead(sql);
  if (head === undefined || !sealer.isHeadSeal(head, head.seal))
    return broken(
      'head-forged',
      head?.audit_seq ?? 0,
      'the end of the log was written by somebody without the key file',
    );
  let end = chainStart(provider, head.origin);
  for (;;) {
    const page = await sql
      .selectFrom('gscip_audit')
      .selectAll()
      .where('seq', '>', end.seq)
      .orderBy('seq')
      .limit(PAGE)
      .execute();
    const next = follow(provider, end, page);
    if ('ok' in next) return next;
    end = next;
    if (page.length < PAGE) break;
    await othersFirst();
  }
  if (end.seq < head.audit_seq)
    return broken('truncated', end.seq + 1, `the log had ${head.audit_seq} entries, those behind ${end.seq} are gone`);
  if (end.hash !== head.audit_hash)
    return broken('changed', end.seq, 'the log was written anew, or entries were added behind its end');
  return { ok: true, entries: end.seq, head: end.hash };
}

function follow(provider: CryptoProvider, from: ChainEnd, page: readonly AuditTable[]): ChainEnd | AuditCheck {
  let end = from;
  for (const entry of page) {
    const seq = end.seq + 1;
    if (entry.seq !== seq) return broken('missing', seq, `entry ${seq} is gone`);
    if (entryHash(provider, end.hash, entry) !== entry.hash)
      return broken('changed', seq, `entry ${seq}, or the one before it, is not what was written`);
    end = { seq, hash: entry.hash };
  }
  return end;
}

function broken(fault: Extract<AuditCheck, { ok: false }>['fault'], seq: number, text: string): AuditCheck {
  return { ok: false, fault, seq, text };
}
