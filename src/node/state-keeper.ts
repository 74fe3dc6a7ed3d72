import { wipe } from '../base/bytes.ts';
import { GscipError } from '../base/errors.ts';
import type { Logger } from '../base/log.ts';
import type { KeptState, StateDir } from './state-dir.ts';

/** What is kept of a running node. */
export interface NodeMemory {
  /** wiped once it is written; absent where a server gives the keys */
  readonly bundle?: Uint8Array;
  /** keys and rosters, sealed; absent where nothing of them changed */
  readonly cache?: Uint8Array;
  readonly kept: KeptState;
}

/** How soon a folder that could not be written is tried again, in milliseconds. */
const RETRY = 5_000;
/** How long news of places may wait for more of them, in milliseconds. */
const SOON = 10_000;

/** Keeps what must survive a restart. A full disk does not end a running node: it says so, and tries again. */
export class StateKeeper {
  readonly #state: StateDir;
  readonly #log: Logger;
  readonly #memory: () => NodeMemory;
  #writtenBundle: Uint8Array | undefined;
  #trouble: string | undefined;
  #retryAt = 0;
  #dueAt = Number.POSITIVE_INFINITY;
  #changed = false;
  #writing: Promise<void> | undefined;

  constructor(state: StateDir, log: Logger, memory: () => NodeMemory) {
    this.#state = state;
    this.#log = log;
    this.#memory = memory;
  }

  /** Why the folder could not be written the last time; undefined when it could. */
  get trouble(): string | undefined {
    return this.#trouble;
  }

  /** Throws where the folder cannot be written: at a start nothing may be missing (protocol.md 10.5 V1). */
  write(): void {
    const { bundle, cache, kept } = this.#memory();
    if (bundle && this.#writtenBundle !== bundle) {
      this.#state.writeBundle(bundle);
      this.#writtenBundle = bundle;
      wipe(bundle); // V7
    }
    // keys first: a version that is known to have been CURRENT must be there after a restart
    if (cache) this.#state.writeSealed('cache', cache);
    this.#state.writeKept(kept);
  }

  /**
   * Writes without holding packets up while the disk takes its time; now: monotonic milliseconds. Settles when all that
   * had changed by the call is on the disk, or the trouble is told.
   */
  keep(now: number): Promise<void> {
    this.#changed = true;
    this.#dueAt = Number.POSITIVE_INFINITY;
    this.#writing ??= this.#writeChanges(now).finally(() => {
      this.#writing = undefined;
    });
    return this.#writing;
  }

  /** Where peers are has changed: a start after a power cut, with the server dead, is to find them. `tick` writes it. */
  soon(now: number): void {
    this.#dueAt = Math.min(this.#dueAt, now + SOON);
  }

  tick(now: number): void {
    const isToRetry = this.#trouble !== undefined && now >= this.#retryAt;
    if (isToRetry || now >= this.#dueAt) void this.keep(now);
  }

  async #writeChanges(now: number): Promise<void> {
    while (this.#changed) {
      this.#changed = false;
      try {
        await this.#writeOnce();
        this.#trouble = undefined;
      } catch (error) {
        this.#tell(error, now);
      }
    }
  }

  async #writeOnce(): Promise<void> {
    const { bundle, cache, kept } = this.#memory();
    if (bundle && this.#writtenBundle !== bundle) {
      await this.#state.writeBundleLater(bundle);
      this.#writtenBundle = bundle;
      wipe(bundle); // V7
    }
    if (cache) await this.#state.writeSealedLater('cache', cache);
    await this.#state.writeKeptLater(kept);
  }

  #tell(error: unknown, now: number): void {
    if (!(error instanceof GscipError)) throw error;
    const { code, message, remedy } = error;
    if (this.#trouble !== message) this.#log.log('error', 'state-not-kept', { code, message, remedy });
    this.#trouble = message;
    this.#retryAt = now + RETRY;
  }
}
