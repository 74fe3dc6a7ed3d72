import { setImmediate as othersFirst } from 'node:timers/promises';
import { GscipError } from '../../base/errors.ts';
import type { Draft } from '../network/draft.ts';
import type { Change, NetworkState } from '../network/state.ts';
import { checkAudit, readAudit } from './audit-log.ts';
import { writeBackup } from './backup.ts';
import { type Command, CommandBatch } from './command-batch.ts';
import type { Database } from './database.ts';
import { databaseError } from './database-errors.ts';
import { checkedHead, lockHead, readHead, sealedHead } from './head.ts';
import { LiveState } from './live-state.ts';
import type { HeadTable, Sql } from './schema.ts';
import type { Sealer } from './sealer.ts';
import type {
  Actor,
  AuditCheck,
  AuditEntry,
  AuditQuery,
  BackupResult,
  JsonObject,
  Store,
  StoreOptions,
} from './store.ts';
import { appendAudit, changesAfter, writeChanges, writeHead } from './stored-rows.ts';

/** Commands of one transaction: as many as are waiting, but no more than keep the process from its other work. */
const MOST_COMMANDS = 64;
const BUSY_MS = 10;
/** Behind NOTIFY, and for other programs that write an SQLite file. */
const POLL_MS = 1_000;

interface Waiting extends Command {
  resolve(): void;
  reject(cause: unknown): void;
}

type Listener = (changes: readonly Change[], revision: number) => void;

/** The store over either database. */
export class NetworkStore implements Store {
  readonly #database: Database;
  readonly #sealer: Sealer;
  readonly #options: StoreOptions;
  readonly #state = new LiveState();
  readonly #listeners = new Set<Listener>();
  readonly #queue: Waiting[] = [];
  #lineage = '';
  #auditSeq = 0;
  #news = false;
  #working = false;
  #ended: Promise<void> = Promise.resolve();
  #poll: NodeJS.Timeout | undefined;
  #trouble: GscipError | undefined;
  #closed = false;

  constructor(database: Database, sealer: Sealer, options: StoreOptions) {
    this.#database = database;
    this.#sealer = sealer;
    this.#options = options;
  }

  get state(): NetworkState {
    return this.#state;
  }

  /** Reads all rows, and hears of changes from then on. */
  async open(): Promise<void> {
    await this.#database.read(async (sql) => {
      const head = checkedHead(await readHead(sql), this.#sealer);
      this.#lineage = head.lineage;
      await this.#catchUp(sql, head);
    });
    await this.#database.listen(() => this.#hearNews());
    this.#poll = setInterval(() => this.#hearNews(), POLL_MS).unref();
  }

  run<T>(actor: Actor, action: string, command: (draft: Draft) => T, detail: JsonObject = {}): Promise<T> {
    if (this.#closed)
      return Promise.reject(new GscipError('store-closed', 'the server is ending', 'Try again when it is up.'));
    return new Promise((resolve, reject) => {
      let result: T;
      const execute = (draft: Draft) => {
        result = command(draft);
      };
      this.#queue.push({ actor, action, detail, execute, resolve: () => resolve(result), reject });
      this.#pump();
    });
  }

  onChanges(listener: Listener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  trouble(): GscipError | undefined {
    return this.#trouble;
  }

  audit(query: AuditQuery = {}): Promise<readonly AuditEntry[]> {
    return this.#database.read((sql) => readAudit(sql, query));
  }

  verifyAudit(): Promise<AuditCheck> {
    return this.#database.read((sql) => checkAudit(sql, this.#options.provider, this.#sealer));
  }

  backup(file: string): Promise<BackupResult> {
    return this.#database.read((sql) => writeBackup(file, sql, this.#sealer, this.#options.now()));
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearInterval(this.#poll);
    await this.#ended;
    await this.#database.close();
  }

  #hearNews(): void {
    this.#news = true;
    this.#pump();
  }

  #pump(): void {
    if (this.#working) return;
    this.#working = true;
    this.#ended = this.#work();
  }

  /** One thing at a time: a transaction of waiting commands, or a look at what others did. */
  async #work(): Promise<void> {
    while (this.#queue.length > 0 || (this.#news && !this.#closed)) {
      this.#news = false;
      if (this.#queue.length > 0) await this.#commitWaiting();
      else await this.#readNews();
      // SQLite answers at once: without this, a long queue would keep the process from everything else
      await othersFirst();
    }
    // here, and not when the promise is settled: what comes in between would wait for the next occasion
    this.#working = false;
  }

  async #commitWaiting(): Promise<void> {
    const taken = new Map<Waiting, { readonly thrown?: unknown }>();
    try {
      const batch = await this.#committed(taken);
      this.#trouble = undefined;
      this.#auditSeq = batch.end.seq;
      const changes = batch.written().map(({ change }) => change);
      if (changes.length > 0) this.#take(changes, batch.revision);
    } catch (cause) {
      this.#trouble = databaseError(cause);
      for (const each of taken.size > 0 ? taken.keys() : this.#queue.splice(0)) each.reject(this.#trouble);
      return;
    }
    for (const [each, { thrown }] of taken)
      if (thrown === undefined) each.resolve();
      else each.reject(thrown);
  }

  /** A connection that broke while it was idle shows at its first use, before any command has run: then there is a second try. */
  async #committed(taken: Map<Waiting, { readonly thrown?: unknown }>): Promise<CommandBatch> {
    try {
      return await this.#database.write((sql) => this.#transaction(sql, taken));
    } catch (cause) {
      if (taken.size > 0 || databaseError(cause).code !== 'database-unreachable') throw cause;
      return await this.#database.write((sql) => this.#transaction(sql, taken));
    }
  }

  async #transaction(sql: Sql, taken: Map<Waiting, { readonly thrown?: unknown }>): Promise<CommandBatch> {
    const head = checkedHead(await lockHead(sql), this.#sealer);
    await this.#catchUp(sql, head);
    const batch = new CommandBatch(this.#options.provider, this.#state, head, this.#options.now());
    const until = performance.now() + BUSY_MS;
    for (let next = this.#queue.shift(); next; next = this.#queue.shift()) {
      taken.set(next, batch.execute(next));
      if (taken.size >= MOST_COMMANDS || performance.now() > until) break;
    }
    await this.#write(sql, head, batch);
    return batch;
  }

  async #write(sql: Sql, head: HeadTable, batch: CommandBatch): Promise<void> {
    const { revision, end, entries } = batch;
    if (revision === head.revision && entries.length === 0) return;
    await writeChanges(sql, batch.written(), this.#sealer);
    await appendAudit(sql, entries);
    const { origin, lineage } = head;
    await writeHead(
      sql,
      sealedHead(this.#sealer, { origin, lineage, revision, audit_seq: end.seq, audit_hash: end.hash }),
    );
    if (revision > head.revision) await this.#database.announce(sql, revision);
  }

  async #readNews(): Promise<void> {
    try {
      await this.#database.read(async (sql) => this.#catchUp(sql, checkedHead(await readHead(sql), this.#sealer)));
      this.#trouble = undefined;
    } catch (cause) {
      this.#trouble = databaseError(cause);
    }
  }

  /** Takes over what other processes have committed. */
  async #catchUp(sql: Sql, head: HeadTable): Promise<void> {
    if (head.lineage !== this.#lineage || head.revision < this.#state.revision || head.audit_seq < this.#auditSeq)
      throw new GscipError(
        'database-replaced',
        'the database was replaced by an older one, or by a backup, while this server ran',
        'Start this server again: it goes on with what the database holds now.',
      );
    this.#auditSeq = head.audit_seq;
    if (head.revision > this.#state.revision)
      this.#take(await changesAfter(sql, this.#state.revision, this.#sealer), head.revision);
  }

  #take(changes: readonly Change[], revision: number): void {
    this.#state.apply(changes, revision);
    for (const listener of this.#listeners)
      try {
        listener(changes, revision);
      } catch (cause) {
        // a fault of the listener is not one of the command
        queueMicrotask(() => {
          throw cause;
        });
      }
  }
}
