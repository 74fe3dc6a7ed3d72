import { collectGarbage, keepShapes } from './kept-shapes.ts';
import type { PacketIo } from './packet-io.ts';
import type { Rehearsal } from './rehearsal.ts';

/**
 * Pairs of nodes that rehearse, one after the other. More keep more of the code when the real node comes, and cost memory
 * that the process does not give back (decision 99).
 */
export const CASTS = 1;
/** Handshakes of each: what they run is compiled then, and more of them gain little (bench/README.md). */
export const SCENES = 500;
/** Milliseconds from one to the next while no packets come; one takes about a millisecond. */
const EVERY = 4;
/** The same while packets come: they go first. */
const BUSY = 100;

type Scenes = Pick<Rehearsal, 'play' | 'close'>;

/**
 * Plays the handshake in memory, again and again in quiet moments after the start, until the machine code for it is made:
 * the first real handshakes take about half as long then. Ends by itself, and gives back all that the rehearsals held.
 */
export class WarmUp {
  readonly #gather: () => Scenes;
  readonly #batches: () => number;
  #rehearsal: Scenes | undefined;
  #seen: number;
  #left = CASTS * SCENES;
  #timer: NodeJS.Timeout;

  /** `gather` makes a rehearsal; `batches`: how many the packet path has handled so far. */
  constructor(gather: () => Scenes, batches: () => number) {
    this.#gather = gather;
    this.#batches = batches;
    this.#seen = batches();
    this.#timer = setTimeout(() => this.#step(), BUSY);
  }

  stop(): void {
    this.#left = 0;
    clearTimeout(this.#timer);
    this.#rehearsal?.close();
    this.#rehearsal = undefined;
  }

  #step(): void {
    const batches = this.#batches();
    const isBusy = batches !== this.#seen;
    this.#seen = batches;
    if (!isBusy) {
      this.#play();
      if (this.#left === 0) return;
    }
    this.#timer = setTimeout(() => this.#step(), isBusy ? BUSY : EVERY);
  }

  #play(): void {
    this.#rehearsal ??= this.#gather();
    this.#rehearsal.play();
    this.#left -= 1;
    if (this.#left % SCENES > 0) return;
    this.#rehearsal.close();
    this.#rehearsal = undefined;
    // tables of several megabytes each, which an idle node would otherwise carry along for hours
    collectGarbage();
  }
}

/** Where packets go through Node alone a rehearsal takes several milliseconds, and packets would wait for it: none then. */
export function startWarmUp(gather: () => Rehearsal, io: PacketIo): WarmUp | undefined {
  if (io.facts().primitives !== 'addon') return undefined;
  keepShapes(io.provider);
  return new WarmUp(gather, () => io.times().batches);
}
