import { sharedInt32 } from '../base/shared-arrays.ts';
import type { Entries } from './entries.ts';
import { TCP_STATE } from './tcp-state.ts';
import { PIT_ACTION } from './terms.ts';

const OPEN = 1;
const OWN_HIGH = 2;
const GENERATIONS = 2 ** 29;
const TCP = 6;

/**
 * Which entries a worker may use without asking: those whose packets only have to be counted. One word for each entry, 0 while
 * it is shut; another number at each opening, so that a worker that read a row between two equal words read it whole. It is shut
 * before anything of the entry changes, and opened after everything that was decided before has left.
 *
 *   generation 29 | open 1 (low bit) | own end is the high one 1
 */
export class PitGate {
  readonly words: Int32Array;
  #generation = 0;
  #wanted: number[] = [];
  #isKeptShut = false;

  constructor(capacity: number) {
    this.words = sharedInt32(capacity);
  }

  shut(entry: number): void {
    if (this.words[entry] !== 0) Atomics.store(this.words, entry, 0);
  }

  /** A packet passed by this entry: it may be opened when its batch is over. */
  want(entry: number): void {
    if (this.words[entry] === 0 && this.#wanted.at(-1) !== entry) this.#wanted.push(entry);
  }

  /** Opens what was wanted and may be; `ownHigh`: whether this node's end is the high one, undefined when not one end is. */
  open(entries: Entries, ownHigh: (entry: number) => boolean | undefined): void {
    if (this.#wanted.length === 0) return;
    if (!this.#isKeptShut)
      for (const entry of this.#wanted) if (mayOpen(entries, entry)) this.#open(entry, ownHigh(entry));
    this.#wanted = [];
  }

  /** Addresses have other owners: which end is whose is found out anew. */
  shutAll(): void {
    this.words.fill(0);
  }

  /** Somebody wants to see every packet: none passes without the main thread until this is called again with false. */
  keepShut(isKept: boolean): void {
    this.#isKeptShut = isKept;
    if (isKept) this.shutAll();
  }

  #open(entry: number, ownHigh: boolean | undefined): void {
    if (ownHigh === undefined) return;
    this.#generation = (this.#generation + 1) % GENERATIONS;
    Atomics.store(this.words, entry, (this.#generation << 2) | (ownHigh ? OWN_HIGH : 0) | OPEN);
  }
}

/** Whether a packet whose source is the high end (`swapped`, see `normalise`) goes out by an entry with this word of its gate. */
export function isOwnSource(word: number, swapped: 0 | 1): boolean {
  return ((word & OWN_HIGH) !== 0) === (swapped === 1);
}

/** What begins and ends a TCP connection changes its state, which is for the writer of the table. */
function mayOpen(entries: Entries, entry: number): boolean {
  if (entries.action(entry) !== PIT_ACTION.encrypt || !entries.isConfirmed(entry)) return false;
  return entries.protocol(entry) !== TCP || entries.tcpState(entry) === TCP_STATE.established;
}
