import type { UnixSeconds } from '../../base/brands.ts';
import { GscipError } from '../../base/errors.ts';
import type { CryptoProvider } from '../../crypto/provider.ts';
import { Draft } from '../network/draft.ts';
import type { Change, NetworkState } from '../network/state.ts';
import { type ChainEnd, chained, namedChanges } from './audit-chain.ts';
import { OverlayState } from './overlay-state.ts';
import type { AuditTable, HeadTable } from './schema.ts';
import type { Actor, AuditOutcome, JsonObject } from './store.ts';
import type { Written } from './stored-rows.ts';

/** A call of `run` that waits for its turn. */
export interface Command {
  readonly actor: Actor;
  readonly action: string;
  readonly detail: JsonObject;
  /** runs it over a draft; throws what it refuses with */
  execute(draft: Draft): void;
}

/** The commands of one transaction: each sees what those before it changed, and a refused one changes nothing. */
export class CommandBatch {
  readonly entries: AuditTable[] = [];
  readonly #provider: CryptoProvider;
  readonly #live: NetworkState;
  readonly #now: UnixSeconds;
  readonly #written = new Map<string, Written>();
  #overlay: OverlayState | undefined;
  #revision: number;
  #end: ChainEnd;

  constructor(provider: CryptoProvider, live: NetworkState, head: HeadTable, now: UnixSeconds) {
    this.#provider = provider;
    this.#live = live;
    this.#now = now;
    this.#revision = head.revision;
    this.#end = { seq: head.audit_seq, hash: head.audit_hash };
  }

  get revision(): number {
    return this.#revision;
  }

  get end(): ChainEnd {
    return this.#end;
  }

  /** Rows to be written, each once, in the order in which they were first touched. */
  written(): readonly Written[] {
    return [...this.#written.values()];
  }

  /** Runs a command. What it threw is in the result. */
  execute(command: Command): { readonly thrown?: unknown } {
    const draft = new Draft(this.#overlay ?? this.#live);
    try {
      command.execute(draft);
    } catch (thrown) {
      this.#log(command, thrown instanceof GscipError ? 'refused' : 'failed', codeOf(thrown), []);
      return { thrown };
    }
    const changes = draft.changes();
    if (changes.length > 0) this.#keep(changes);
    this.#log(command, 'done', '', changes);
    return {};
  }

  #keep(changes: readonly Change[]): void {
    this.#revision += 1;
    this.#overlay ??= new OverlayState(this.#live);
    this.#overlay.apply(changes, this.#revision);
    for (const change of changes) this.#written.set(nameOf(change), { change, revision: this.#revision });
  }

  #log({ actor, action, detail }: Command, outcome: AuditOutcome, code: string, changes: readonly Change[]): void {
    // whoever comes from outside leaves an entry, whatever the request says
    if (actor.kind === 'server' && detail['audit'] === false) return;
    const entry = chained(this.#provider, this.#end, {
      at: this.#now,
      actor_kind: actor.kind,
      actor_name: actor.name,
      action,
      outcome,
      code,
      changes: namedChanges(changes.map(nameOf)),
      detail: JSON.stringify(detail),
      revision: this.#revision,
    });
    this.entries.push(entry);
    this.#end = entry;
  }
}

function codeOf(thrown: unknown): string {
  return thrown instanceof GscipError ? thrown.code : 'internal';
}

function nameOf({ table, key }: Change): string {
  return `${table}/${key}`;
}
