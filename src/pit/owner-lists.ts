import type { Entries } from './entries.ts';

const FIELDS = 3;
const HEAD = 0;
const TAIL = 1;
const COUNT = 2;

/** Two lists of entries per owner, provisional and confirmed, each oldest first: linked through the entries themselves. */
export class OwnerLists {
  readonly #entries: Entries;
  #fields = new Int32Array(64 * 2 * FIELDS);

  constructor(entries: Entries) {
    this.#entries = entries;
  }

  /** Appends an entry to the list that its owner and state name. */
  add(entry: number): void {
    const at = this.#listOf(entry);
    const last = this.#fields[at + TAIL] - 1;
    this.#entries.link(entry, -1, last);
    if (last < 0) this.#fields[at + HEAD] = entry + 1;
    else this.#entries.setNext(last, entry);
    this.#fields[at + TAIL] = entry + 1;
    this.#fields[at + COUNT]++;
  }

  /** Takes an entry out; its owner and state must still be those that it was added with. */
  remove(entry: number): void {
    const at = this.#listOf(entry);
    const next = this.#entries.next(entry);
    const previous = this.#entries.previous(entry);
    if (previous < 0) this.#fields[at + HEAD] = next + 1;
    else this.#entries.setNext(previous, next);
    if (next < 0) this.#fields[at + TAIL] = previous + 1;
    else this.#entries.setPrevious(next, previous);
    this.#fields[at + COUNT]--;
  }

  /** The oldest entry of a list, or -1. */
  first(owner: number, confirmed: boolean): number {
    const at = place(owner, confirmed);
    return at < this.#fields.length ? this.#fields[at + HEAD] - 1 : -1;
  }

  count(owner: number, confirmed: boolean): number {
    const at = place(owner, confirmed);
    return at < this.#fields.length ? this.#fields[at + COUNT] : 0;
  }

  /** Puts the first entry of a list behind its last. */
  rotate(owner: number, confirmed: boolean): void {
    const entry = this.first(owner, confirmed);
    if (entry < 0) return;
    this.remove(entry);
    this.add(entry);
  }

  #listOf(entry: number): number {
    const at = place(this.#entries.owner(entry), this.#entries.isConfirmed(entry));
    if (at >= this.#fields.length) this.#grow(at);
    return at;
  }

  #grow(at: number): void {
    const larger = new Int32Array(Math.max(2 * this.#fields.length, at + 2 * FIELDS));
    larger.set(this.#fields);
    this.#fields = larger;
  }
}

function place(owner: number, confirmed: boolean): number {
  return (2 * owner + (confirmed ? 1 : 0)) * FIELDS;
}
