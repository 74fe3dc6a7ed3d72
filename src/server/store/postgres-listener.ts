import pg from 'pg';
import { CHANNEL, RUNNING_LOCK } from './postgres-options.ts';

const RETRY_FIRST_MS = 100;
const RETRY_LONGEST_MS = 2_000;

/** A connection that only listens, and that comes back when the database was gone. */
export class PostgresListener {
  readonly #options: pg.ClientConfig;
  #onNews: () => void = () => undefined;
  #client: pg.Client | undefined;
  #retry: NodeJS.Timeout | undefined;
  #wait = RETRY_FIRST_MS;
  #stopped = false;

  constructor(options: pg.ClientConfig) {
    this.#options = options;
  }

  /** Resolves when it listens; from then on it sees to that itself. */
  async start(onNews: () => void): Promise<void> {
    this.#onNews = onNews;
    await this.#connect();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#retry);
    await this.#client?.end().catch(() => undefined);
  }

  async #connect(): Promise<void> {
    const client = new pg.Client(this.#options);
    this.#client = client;
    client.on('error', () => undefined);
    client.on('notification', () => this.#onNews());
    try {
      await client.connect();
      await client.query('select pg_advisory_lock_shared($1)', [RUNNING_LOCK]);
      await client.query(`listen ${CHANNEL}`);
    } catch (cause) {
      await client.end().catch(() => undefined);
      throw cause;
    }
    this.#wait = RETRY_FIRST_MS;
    client.once('end', () => this.#reconnectLater());
    // it may have ended between the last answer and the line above, or have missed news before it listened
    if (this.#stopped) await this.stop();
    this.#onNews();
  }

  #reconnectLater(): void {
    if (this.#stopped) return;
    this.#retry = setTimeout(() => {
      this.#connect().catch(() => this.#reconnectLater());
    }, this.#wait);
    this.#wait = Math.min(2 * this.#wait, RETRY_LONGEST_MS);
  }
}
