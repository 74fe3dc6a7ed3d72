import { GscipError } from '../../base/errors.ts';
import type { CryptoProvider } from '../../crypto/provider.ts';
import { chainStart } from './audit-chain.ts';
import { type HeadTable, isPostgres, type Sql } from './schema.ts';
import type { Sealer } from './sealer.ts';

/** The head of a network that has no rows yet. */
export function firstHead(provider: CryptoProvider, sealer: Sealer): HeadTable {
  const [origin, lineage] = [sealer.newId(), sealer.newId()];
  const { seq, hash } = chainStart(provider, origin);
  return sealedHead(sealer, { origin, lineage, revision: 0, audit_seq: seq, audit_hash: hash });
}

export function sealedHead(sealer: Sealer, sum: Omit<HeadTable, 'id' | 'key_check' | 'seal'>): HeadTable {
  return { ...sum, id: 1, key_check: sealer.keyCheck, seal: sealer.headSeal(sum) };
}

export async function readHead(sql: Sql): Promise<HeadTable | undefined> {
  return await sql.selectFrom('gscip_head').selectAll().executeTakeFirst();
}

/** Waits for the writers before us. SQLite has locked all of the file already. */
export async function lockHead(sql: Sql): Promise<HeadTable | undefined> {
  const postgres = isPostgres(sql);
  return await sql
    .selectFrom('gscip_head')
    .selectAll()
    .$if(postgres, (query) => query.forUpdate())
    .executeTakeFirst();
}

/** The head if it is ours and nobody has written into it; throws GscipError otherwise. */
export function checkedHead(head: HeadTable | undefined, sealer: Sealer): HeadTable {
  if (head === undefined)
    throw new GscipError(
      'database-replaced',
      'the tables of the network are gone',
      'Restore a backup, then start again.',
    );
  if (head.key_check !== sealer.keyCheck)
    throw new GscipError(
      'server-key-wrong',
      'the key file of this server is not the one that this database was sealed with',
      'Put the key file of this network back (server.key in its state folder, or --key-file).',
    );
  if (!sealer.isHeadSeal(head, head.seal))
    throw new GscipError(
      'database-tampered',
      'somebody without the key file has changed the head of the database, which holds the end of the audit log',
      'Find out who can write the database. Restore a backup from before.',
    );
  return head;
}
