import { Entries } from './entries.ts';
import { FLOW_KEY, type HashSeed, hashFlowKey, normalise } from './flow-key.ts';
import { isOwnSource } from './gate.ts';
import type { PitMemory } from './memory.ts';
import { TaggedIndex } from './tagged-index.ts';

/** What a reader in another thread needs of a PIT. */
export interface PitView {
  readonly memory: PitMemory;
  readonly seed: HashSeed;
  readonly gate: Int32Array;
}

/**
 * Looks flows up in a PIT that another thread changes meanwhile. It finds only entries whose gate is open, and of those a whole
 * row; what it misses, even by accident, is for the other thread to decide.
 */
export class PitReader {
  readonly #entries: Entries;
  readonly #flows: TaggedIndex;
  readonly #seed: HashSeed;
  readonly #gate: Int32Array;
  readonly #key = new Int32Array(FLOW_KEY.words);
  /** of what was found last */
  owner = 0;
  direction: 0 | 1 = 0;
  /** the packet comes from this node's end */
  isOut = false;

  constructor({ memory, seed, gate }: PitView) {
    this.#entries = new Entries(memory);
    this.#seed = seed;
    this.#gate = gate;
    this.#flows = new TaggedIndex(memory.flowSlots, () => 0);
  }

  /** The entry of the flow in FLOW words, or -1; `owner`, `direction` and `isOut` belong to it. */
  find(flow: Int32Array): number {
    const key = this.#key;
    const flows = this.#flows;
    const swapped = normalise(flow, key);
    const hash = hashFlowKey(key, 0, this.#seed);
    let slot = flows.probe(hash, flows.home(hash));
    // the index shrinks and grows under this hand: never more steps than it has slots
    for (let steps = flows.slots.length; slot >= 0 && steps > 0; steps--) {
      const entry = flows.entryAt(slot);
      if (entry >= 0 && this.#take(entry, key, swapped)) return entry;
      slot = flows.probe(hash, flows.after(slot));
    }
    return -1;
  }

  #take(entry: number, key: Int32Array, swapped: 0 | 1): boolean {
    const entries = this.#entries;
    const before = Atomics.load(this.#gate, entry);
    if (before === 0 || !entries.matches(entry, key)) return false;
    this.owner = entries.owner(entry);
    this.direction = entries.direction(entry, swapped);
    this.isOut = isOwnSource(before, swapped);
    return Atomics.load(this.#gate, entry) === before;
  }
}
