import { MESSAGE } from '../base/primitives.ts';
import type { RelayWalk } from '../base/relay-primitives.ts';
import { type Addon, type ErrnoName, type PollHandle, UDP_BATCH_BYTES } from '../native/addon.ts';

/** Called with `count` rows (MESSAGE in base/primitives.ts) over the arena; `isBehind`: more is waiting already. */
export type TakeMessages = (arena: Uint8Array, rows: Int32Array, count: number, isBehind: boolean) => void;

/** A UDP socket that gives its datagrams in batches. */
export interface BatchSocket {
  readonly port: number;
  /** 6 without an address is both families */
  readonly family: 4 | 6;
  readonly implementation: 'addon' | 'node';
  /** The arena and the rows are the socket's own and good for the length of the call. */
  start(take: TakeMessages, failed: (reason: string) => void): void;
  /** One datagram, or a run of equal ones; what the kernel does not take is lost. `address`: 4 or 16 bytes. */
  send(bytes: Uint8Array, segment: number, address: Uint8Array, port: number): void;
  /** Sends `count` runs (RELAY_RUN in base/relay-primitives.ts) from the arena to rows of `ends`; the runs are used up. */
  sendRuns(arena: Uint8Array, runs: Int32Array, count: number, ends: Int32Array): void;
  /** The addon's packet path of a relay; undefined where there is no addon. */
  readonly relayWalk: RelayWalk | undefined;
  /** datagrams that the kernel refused */
  readonly refused: number;
  close(): void;
}

export interface BatchSocketOptions {
  /** text; all addresses of both families when absent */
  readonly address: string | undefined;
  /** 0 lets the kernel choose */
  readonly port: number;
  /** take runs of equal datagrams as one message */
  readonly gro: boolean;
}

/** Messages per batch, and batches before others get their turn; of a socket that takes runs, and of any other. */
export const BATCH = { runs: { messages: 256, batches: 2 }, plain: { messages: 16, batches: 8 } } as const;

/** The socket of the addon, watched by the event loop. */
export interface NativeSocketParts {
  readonly addon: Addon;
  readonly fd: number;
  readonly port: number;
  readonly family: 4 | 6;
  /** bytes for the messages of a batch */
  readonly arena: Uint8Array;
  readonly rows: Int32Array;
  readonly messages: number;
  readonly batches: number;
}

export class NativeSocket implements BatchSocket {
  readonly implementation = 'addon';
  readonly relayWalk: RelayWalk;
  readonly #parts: NativeSocketParts;
  #watch: PollHandle | undefined;
  #refused = 0;

  constructor(parts: NativeSocketParts) {
    this.#parts = parts;
    const { addon } = parts;
    this.relayWalk = ({ slots, ends, heardAt, shares, numbers }, arena, messages, count, runs, cursor) =>
      addon.relayWalk(slots, ends, heardAt, shares, numbers, arena, messages, count, runs, cursor);
  }

  get port(): number {
    return this.#parts.port;
  }

  get family(): 4 | 6 {
    return this.#parts.family;
  }

  get refused(): number {
    return this.#refused;
  }

  start(take: TakeMessages, failed: (reason: string) => void): void {
    const { addon, fd } = this.#parts;
    const watch = addon.pollStart(fd, (error: ErrnoName | '') => {
      if (error === '') return this.#drain(take);
      this.#unwatch();
      failed(error);
    });
    if (typeof watch === 'string') failed(watch);
    else this.#watch = watch;
  }

  send(bytes: Uint8Array, segment: number, address: Uint8Array, port: number): void {
    const { addon, fd } = this.#parts;
    for (let at = 0; at < bytes.length; at += segment)
      if (addon.udpSend(fd, bytes.subarray(at, at + segment), address, port) !== '') this.#refused++;
  }

  sendRuns(arena: Uint8Array, runs: Int32Array, count: number, ends: Int32Array): void {
    const lost = this.#parts.addon.udpSendRuns(this.#parts.fd, arena, runs, count, ends);
    if (lost > 0) this.#refused += lost;
  }

  close(): void {
    this.#unwatch();
    this.#parts.addon.close(this.#parts.fd);
  }

  #drain(take: TakeMessages): void {
    const { addon, fd, arena, rows, messages, batches } = this.#parts;
    for (let batch = 1; batch <= batches && this.#watch !== undefined; batch++) {
      const count = addon.udpReceiveBatch(fd, arena, rows, messages);
      if (count <= 0) return;
      const isMore = count === messages || bytesOf(rows, count) >= UDP_BATCH_BYTES;
      take(arena, rows, count, isMore && batch === batches);
      if (!isMore) return;
    }
  }

  #unwatch(): void {
    if (this.#watch !== undefined) this.#parts.addon.pollStop(this.#watch);
    this.#watch = undefined;
  }
}

function bytesOf(rows: Int32Array, count: number): number {
  let bytes = 0;
  for (let at = MESSAGE.length; at < count * MESSAGE.stride; at += MESSAGE.stride) bytes += rows[at];
  return bytes;
}
