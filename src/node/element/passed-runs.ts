import type { PathAddress } from '../../base/path-address.ts';
import { MAX_SEGMENTS, MAX_SEND } from '../../base/primitives.ts';
import { NAT_SIZE } from '../../nat/constants.ts';
import { encodeFrame } from '../../nat/relay-frame.ts';
import type { NodeEffect } from '../node-effects.ts';
import { knownPath } from '../path-cache.ts';

/** More than one batch of a socket holds, frames included. */
const ARENA = 512 * 1024;

/** Datagrams of one batch that go on to one place, the last of them maybe shorter. */
interface Run {
  readonly to: PathAddress;
  readonly frame: Uint8Array;
  readonly start: number;
  /** bytes of each, frame included */
  readonly segment: number;
  count: number;
  /** a shorter one ended it */
  isClosed: boolean;
}

const NO_FRAME = new Uint8Array(0);

/**
 * Ciphertext that a GEN passes on, put together again as it came: what the kernel handed over as one run leaves as one, with the
 * frame of its next channel before each datagram, or none. The copies lie in one memory until the next batch.
 */
export class PassedRuns {
  readonly #effects: NodeEffect[];
  #arena = new Uint8Array(0);
  #used = 0;
  #run: Run | undefined;

  constructor(effects: NodeEffect[]) {
    this.#effects = effects;
  }

  /** A batch begins: what the last one left has been sent. */
  begin(): void {
    this.#used = 0;
  }

  add(bytes: Uint8Array, to: PathAddress): void {
    if (this.#arena.length === 0) this.#arena = new Uint8Array(ARENA);
    const run = this.#joined(bytes, to) ?? this.#opened(bytes, to);
    this.#arena.set(run.frame, this.#used);
    this.#arena.set(bytes, this.#used + run.frame.length);
    const length = run.frame.length + bytes.length;
    this.#used += length;
    run.count += 1;
    run.isClosed = length < run.segment;
  }

  /** The batch is over: the last run leaves, too. */
  flush(): void {
    const run = this.#run;
    this.#run = undefined;
    if (run === undefined) return;
    const bytes = this.#arena.subarray(run.start, this.#used);
    this.#effects.push({ kind: 'send-run', bytes, segment: run.segment, to: run.to });
  }

  /** The run that is open, where this datagram may be its next. */
  #joined(bytes: Uint8Array, to: PathAddress): Run | undefined {
    const run = this.#run;
    if (run === undefined || run.to !== to || run.isClosed || run.count >= MAX_SEGMENTS) return undefined;
    const length = run.frame.length + bytes.length;
    const end = this.#used + length;
    return length <= run.segment && end - run.start <= MAX_SEND && end <= this.#arena.length ? run : undefined;
  }

  #opened(bytes: Uint8Array, to: PathAddress): Run {
    this.flush();
    const { channel } = knownPath(to);
    const segment = bytes.length + (channel === 0 ? 0 : NAT_SIZE.frame);
    // what an earlier run of this batch names stays as it is
    if (this.#used + segment > this.#arena.length) {
      this.#arena = new Uint8Array(ARENA);
      this.#used = 0;
    }
    const frame = channel === 0 ? NO_FRAME : encodeFrame(channel);
    this.#run = { to, frame, start: this.#used, segment, count: 0, isClosed: false };
    return this.#run;
  }
}
