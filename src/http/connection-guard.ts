/** Bounds for TCP connections. */
export interface ConnectionLimits {
  /** in total */
  readonly connections: number;
  /** of one source, without those on which a node has proved who it is: many nodes may stand behind one NAT */
  readonly unprovedPerSource: number;
  /** in total without those, while the server is late already: handshakes that are begun are to end before their time is over */
  readonly unprovedWhenLate: number;
  /** milliseconds for TLS and for the head of a request: who sends a byte now and then is cut off (slowloris) */
  readonly opening: number;
}

/** Below the number of files that a process may usually open; a source may try so much before it is known. */
export const CONNECTION_LIMITS: ConnectionLimits = {
  connections: 20_000,
  unprovedPerSource: 256,
  unprovedWhenLate: 64,
  opening: 10_000,
};

/** Counts connections, and says which are too many. A connection is named by what identifies it while it is open. */
export class ConnectionGuard {
  readonly #limits: ConnectionLimits;
  /** connection → its source, or undefined when it counts for none any more */
  readonly #open = new Map<string, string | undefined>();
  readonly #unproved = new Map<string, number>();
  #unprovedCount = 0;

  constructor(limits: ConnectionLimits) {
    this.#limits = limits;
  }

  get count(): number {
    return this.#open.size;
  }

  /** Takes a connection in, or says which bound it breaks. */
  enter(connection: string, source: string, isLate: boolean): 'total' | 'busy' | 'source' | undefined {
    if (this.#open.size >= this.#limits.connections) return 'total';
    if (isLate && this.#unprovedCount >= this.#limits.unprovedWhenLate) return 'busy';
    const others = this.#unproved.get(source) ?? 0;
    if (others >= this.#limits.unprovedPerSource) return 'source';
    this.#open.set(connection, source);
    this.#unproved.set(source, others + 1);
    this.#unprovedCount += 1;
    return undefined;
  }

  /** A node has proved on it who it is: it counts no longer against its source. */
  prove(connection: string): void {
    const source = this.#open.get(connection);
    if (source === undefined) return;
    this.#open.set(connection, undefined);
    this.#unprovedCount -= 1;
    const others = (this.#unproved.get(source) ?? 1) - 1;
    if (others > 0) this.#unproved.set(source, others);
    else this.#unproved.delete(source);
  }

  leave(connection: string): void {
    this.prove(connection);
    this.#open.delete(connection);
  }
}
