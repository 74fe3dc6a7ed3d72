import { usedAddon } from '../native/addon.ts';
import { collectGarbage } from './collect-garbage.ts';
import { keepShapes } from './kept-shapes.ts';
import type { PacketIo } from './packet-io.ts';
import type { Rehearsal } from './rehearsal.ts';

/** Rehearsals after the start: what a handshake runs is compiled then, and more of them gain little (bench/README.md). */
export const SCENES = 500;
/** Milliseconds from one to the next while no packets come; one takes about a millisecond. */
const EVERY = 4;
/** The same while packets come: they go first. */
const BUSY = 100;
/** Milliseconds after which what a collection freed has been swept, too, which threads of V8 do. */
const SWEPT = 1_000;

type Scenes = Pick<Rehearsal, 'play' | 'close'>;

/**
 * Plays the handshake in memory, again and again in quiet moments after the start, until the machine code for it is made:
 * the first real handshakes take about half as long then. Ends by itself, and gives back all that the rehearsal held.
 */
export class WarmUp {
  /** undefined when it is over: its tables take megabytes */
  #rehearsal: Scenes | undefined;
  readonly #batches: () => number;
  #seen: number;
  #left = SCENES;
  #timer: NodeJS.Timeout;

  /** `batches`: how many the packet path has handled so far. The rehearsal is this object's from here on. */
  constructor(rehearsal: Scenes, batches: () => number) {
    this.#rehearsal = rehearsal;
    this.#batches = batches;
    this.#seen = batches();
    this.#timer = setTimeout(() => this.#step(), BUSY);
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#rehearsal?.close();
    this.#rehearsal = undefined;
  }

  #step(): void {
    const batches = this.#batches();
    const isBusy = batches !== this.#seen;
    this.#seen = batches;
    if (!isBusy) {
      this.#rehearsal?.play();
      this.#left -= 1;
      if (this.#left === 0) return this.#end();
    }
    this.#timer = setTimeout(() => this.#step(), isBusy ? BUSY : EVERY);
  }

  #end(): void {
    this.stop();
    // an idle node would otherwise carry it along for hours
    collectGarbage();
    this.#timer = setTimeout(giveBackMemory, SWEPT);
  }
}

/** What the rehearsals held lies in the C heap as free pages, some 15 MiB: the kernel gets them back. */
function giveBackMemory(): void {
  const addon = usedAddon();
  if (typeof addon !== 'string') addon.giveBackMemory();
}

/** Where packets go through Node alone a rehearsal takes several milliseconds, and packets would wait for it: none then. */
export function startWarmUp(rehearsal: Rehearsal, io: PacketIo): WarmUp | undefined {
  if (io.facts().primitives === 'addon') {
    keepShapes(io.provider);
    return new WarmUp(rehearsal, () => io.times().batches);
  }
  rehearsal.close();
  return undefined;
}
