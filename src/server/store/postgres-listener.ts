import pg from 'pg';

const RETRY_FIRST_MS = 100;
const RETRY_LONGEST_MS = 2_000;

export interface ListenerCalls {
  readonly channel: string;
  /** before it listens, on each new connection */
  readonly begin?: (client: pg.Client) => Promise<unknown>;
  /** It listens, for the first time or again: what came meanwhile was missed. */
  listening(): void;
  heard(payload: string): void;
}

/** A connection that listens on one channel, and that comes back when the database was gone. */
export class PostgresListener {
  readonly #options: pg.ClientConfig;
  readonly #calls: ListenerCalls;
  #client: pg.Client | undefined;
  #retry: NodeJS.Timeout | undefined;
  #wait = RETRY_FIRST_MS;
  #isListening = false;
  #stopped = false;

  constructor(options: pg.ClientConfig, calls: ListenerCalls) {
    this.#options = options;
    this.#calls = calls;
  }

  /** Resolves when it listens; from then on it sees to that itself. */
  async start(): Promise<void> {
    await this.#connect();
  }

  /** The same without waiting for the first connection either. */
  startLater(): void {
    this.#connect().catch(() => this.#reconnectLater());
  }

  /** A statement over this connection; one that is lost with it, or comes while there is none, is not repeated. */
  async say(statement: string, values: readonly unknown[]): Promise<void> {
    if (this.#isListening) await this.#client?.query(statement, [...values]).catch(() => undefined);
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
    client.on('notification', ({ payload }) => this.#calls.heard(payload ?? ''));
    try {
      await client.connect();
      await this.#calls.begin?.(client);
      await client.query(`listen ${this.#calls.channel}`);
    } catch (cause) {
      await client.end().catch(() => undefined);
      throw cause;
    }
    this.#wait = RETRY_FIRST_MS;
    this.#isListening = true;
    client.once('end', () => this.#reconnectLater());
    if (this.#stopped) return this.stop();
    this.#calls.listening();
  }

  #reconnectLater(): void {
    this.#isListening = false;
    if (this.#stopped) return;
    this.#retry = setTimeout(() => this.startLater(), this.#wait);
    this.#wait = Math.min(2 * this.#wait, RETRY_LONGEST_MS);
  }
}
