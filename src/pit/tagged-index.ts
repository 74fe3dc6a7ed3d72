/*
 * Open addressing with linear probing. A slot is 32 bits: tag 8 | entry + 1 24, 0 when free.
 * The tag is the low end of the hash, the place its high end, so a slot of another key is passed without reading its entry
 * in 255 of 256 cases.
 */
const ENTRY_BITS = 24;
const ENTRY_MASK = (1 << ENTRY_BITS) - 1;
const TWO_32 = 2 ** 32;

/** From a hash to the entries that may have it. Takes its memory from the caller; entries are found again by `hashOf`. */
export class TaggedIndex {
  readonly slots: Int32Array;
  readonly #hashOf: (entry: number) => number;

  constructor(slots: Int32Array, hashOf: (entry: number) => number) {
    this.slots = slots;
    this.#hashOf = hashOf;
  }

  /** The slot at which the search for a hash starts. */
  home(hash: number): number {
    return Math.floor((hash >>> 0) * (this.slots.length / TWO_32));
  }

  /**
   * The first slot from `slot` on that may hold an entry of this hash, or -1 at the end of the search.
   * The caller compares the entry, and goes on with `after(slot)`.
   */
  probe(hash: number, slot: number): number {
    const slots = this.slots;
    let at = slot;
    for (let word = slots[at]; word !== 0; word = slots[at]) {
      if ((word ^ (hash << ENTRY_BITS)) >>> ENTRY_BITS === 0) return at;
      at = this.after(at);
    }
    return -1;
  }

  entryAt(slot: number): number {
    return (this.slots[slot] & ENTRY_MASK) - 1;
  }

  after(slot: number): number {
    return slot + 1 === this.slots.length ? 0 : slot + 1;
  }

  /** The caller keeps at least one slot free. */
  insert(hash: number, entry: number): void {
    let at = this.home(hash);
    while (this.slots[at] !== 0) at = this.after(at);
    this.slots[at] = (hash << ENTRY_BITS) | (entry + 1);
  }

  /** Takes an entry out and closes the gap, so that no marks of the deleted slow later searches. */
  remove(entry: number): void {
    let gap = this.home(this.#hashOf(entry));
    while (this.entryAt(gap) !== entry) {
      if (this.slots[gap] === 0) throw new Error('an entry is missing in its index');
      gap = this.after(gap);
    }
    for (let at = this.after(gap); this.slots[at] !== 0; at = this.after(at)) {
      const home = this.home(this.#hashOf(this.entryAt(at)));
      const stays = gap <= at ? home > gap && home <= at : home > gap || home <= at;
      if (stays) continue;
      this.slots[gap] = this.slots[at];
      gap = at;
    }
    this.slots[gap] = 0;
  }
}
