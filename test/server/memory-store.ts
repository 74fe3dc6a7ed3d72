import { createHash } from 'node:crypto';
import { unixSeconds } from '../../src/base/brands.ts';
import { GscipError } from '../../src/base/errors.ts';
import { Draft } from '../../src/server/network/draft.ts';
import type { Change, NetworkState } from '../../src/server/network/state.ts';
import { LiveState } from '../../src/server/store/live-state.ts';
import type { Actor, AuditEntry, JsonObject, Store } from '../../src/server/store/store.ts';

/** A store without a database: rows in maps, the audit log in a list. Commands run at once, in the order of the calls. */
export interface MemoryStore extends Store {
  /** The same as `run`, without the promise. */
  runNow<T>(actor: Actor, action: string, command: (draft: Draft) => T, detail?: JsonObject): T;
  /** Makes the next commands fail as a database does that is gone, or ends that. */
  fail(error: GscipError | undefined): void;
}

/** An empty one. `now` stamps the audit log. */
export function memoryStore(now: () => number = () => 1_800_000_000): MemoryStore {
  const state = new LiveState();
  const log: AuditEntry[] = [];
  const listeners = new Set<(changes: readonly Change[], revision: number) => void>();
  let trouble: GscipError | undefined;

  const note = (entry: Pick<AuditEntry, 'actor' | 'action' | 'outcome' | 'code' | 'changes' | 'detail'>) => {
    if (entry.detail['audit'] === false) return;
    const full = { ...entry, seq: log.length + 1, at: unixSeconds(now()), revision: state.revision };
    const hash = createHash('sha256')
      .update(`${log.at(-1)?.hash ?? ''}${JSON.stringify(full)}`)
      .digest('hex');
    log.push({ ...full, hash });
  };

  const runNow = <T>(actor: Actor, action: string, command: (draft: Draft) => T, detail: JsonObject = {}): T => {
    if (trouble) throw trouble;
    const draft = new Draft(state);
    let result: T;
    try {
      result = command(draft);
    } catch (cause) {
      const refused = cause instanceof GscipError;
      const code = refused ? cause.code : 'internal';
      note({ actor, action, outcome: refused ? 'refused' : 'failed', code, changes: [], detail });
      throw cause;
    }
    const changes = draft.changes();
    if (changes.length > 0) state.apply(changes, state.revision + 1);
    const rows = changes.map(({ table, key }) => `${table}/${key}`);
    note({ actor, action, outcome: 'done', code: '', changes: rows, detail });
    if (changes.length > 0) for (const listener of [...listeners]) listener(changes, state.revision);
    return result;
  };

  return {
    state,
    runNow,
    fail: (error) => {
      trouble = error;
    },
    run: async (...call) => runNow(...call),
    onChanges: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    trouble: () => trouble,
    audit: async ({ after = 0, limit = 100, last } = {}) =>
      last === undefined ? log.slice(after, after + limit) : log.slice(-last),
    verifyAudit: async () => ({ ok: true, entries: log.length, head: log.at(-1)?.hash ?? '' }),
    backup: async () => {
      throw new GscipError('usage', 'a store in memory has no backups');
    },
    close: async () => undefined,
  };
}

/** The rows of a state as they are now, for tests that go back to them. */
export function copyOf(state: NetworkState): NetworkState {
  const { settings, users, administrators, groups, versions, roster, nodes, tokens, relays } = state.tables;
  return {
    revision: state.revision,
    nodeNamed: (name) => [...nodes.values()].find((node) => node.name === name && node.standing !== 'removed'),
    tables: {
      settings: new Map(settings),
      users: new Map(users),
      administrators: new Map(administrators),
      groups: new Map(groups),
      versions: new Map(versions),
      roster: new Map(roster),
      nodes: new Map(nodes),
      tokens: new Map(tokens),
      relays: new Map(relays),
    },
  };
}
