import type { HealthLine } from '../api/status.ts';
import { GscipError } from '../base/errors.ts';
import type { ListenAddress } from '../base/listen-address.ts';
import type { Logger } from '../base/log.ts';
import { MetricsDoor, type MetricsSource } from '../http/metrics-door.ts';
import type { AgentConfig } from './agent-config.ts';

/** How long one that could not be had is left alone, in milliseconds. */
const AGAIN = 10_000;

interface MetricsPortParts {
  readonly config: Pick<AgentConfig, 'metrics' | 'given'>;
  readonly source: MetricsSource;
  /** the node's own addresses, which only members reach */
  readonly own: () => readonly string[];
  readonly log: Logger;
}

/** The port where a node's metrics are read: there for as long as somebody wishes for it. */
export class MetricsPort {
  readonly #parts: MetricsPortParts;
  #door: MetricsDoor | undefined;
  #at: ListenAddress | undefined;
  #trouble: GscipError | undefined;
  #triedAt = 0;
  /** one change after the other */
  #turn: Promise<unknown> = Promise.resolve();
  #isClosed = false;

  constructor(parts: MetricsPortParts) {
    this.#parts = parts;
  }

  /**
   * When the interface has its addresses, which may be among those to listen on. What an option of this start asks for and
   * cannot be had stops the start; what was kept may be no fault of today, and the node runs without until it can be had.
   */
  async open(): Promise<void> {
    const { config } = this.#parts;
    try {
      await this.move(config.metrics);
    } catch (error) {
      if (!(error instanceof GscipError) || config.given.has('metrics')) throw error;
      this.#missed(error);
    }
  }

  /** Metrics are read there from now on, or nowhere; where they cannot be, they are where they were. Returns the way back. */
  move(to: ListenAddress | undefined): Promise<() => Promise<void>> {
    return this.#inTurn(async () => {
      const before = this.#at;
      await this.#leave();
      try {
        await this.#listen(to);
      } catch (error) {
        if (before) await this.#listen(before).catch((again: unknown) => this.#missed(again));
        throw error;
      }
      return async () => void (await this.move(before));
    });
  }

  /** Tries again what could not be had. */
  tick(now: number): void {
    const { config } = this.#parts;
    if (this.#trouble === undefined || now - this.#triedAt < AGAIN) return;
    this.#triedAt = now;
    void this.#inTurn(async () => {
      if (this.#trouble !== undefined)
        await this.#listen(config.metrics).catch((error: unknown) => this.#missed(error));
    });
  }

  health(): readonly HealthLine[] {
    if (this.#trouble === undefined) return [];
    const { message, remedy } = this.#trouble;
    return [
      { code: 'metrics-not-served', text: `metrics are not read by HTTP: ${message}; it is tried again. ${remedy}` },
    ];
  }

  close(): Promise<void> {
    this.#isClosed = true;
    return this.#inTurn(() => this.#leave());
  }

  async #listen(to: ListenAddress | undefined): Promise<void> {
    if (to !== undefined && !this.#isClosed) {
      const { source, log, own } = this.#parts;
      this.#door = await MetricsDoor.open(to, { source, log, overlay: own() });
    }
    this.#at = to;
    this.#trouble = undefined;
  }

  async #leave(): Promise<void> {
    const door = this.#door;
    this.#door = undefined;
    this.#at = undefined;
    await door?.close();
  }

  #missed(error: unknown): void {
    if (!(error instanceof GscipError)) throw error;
    this.#trouble = error;
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#turn.then(work);
    this.#turn = done.catch(() => undefined);
    return done;
  }
}

/** Throws where another program has the port, before anything is made; an address that is not there yet is no fault. */
export async function refuseTakenPort(address: ListenAddress): Promise<void> {
  const silent: Logger = { log: () => undefined };
  const source = { text: () => '', isWell: () => false };
  try {
    await (await MetricsDoor.open(address, { source, log: silent })).close();
  } catch (error) {
    if (!(error instanceof GscipError) || error.code !== 'bad-listen') throw error;
  }
}
