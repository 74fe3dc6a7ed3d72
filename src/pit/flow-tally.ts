import type { Millis } from '../base/brands.ts';
import { sharedFloat64, sharedInt32 } from '../base/shared-arrays.ts';

/** float64 of an entry: packets and bytes, forward and back */
const COUNTS = 4;

/** The memory of a tally, as it goes to the thread that writes it. */
export interface TallyMemory {
  readonly counts: Float64Array;
  readonly seen: Int32Array;
}

/**
 * What one worker counted for each entry. It is the only one to write, but for `clear` when an entry gets a new flow; a packet of
 * the old flow that is counted at that very moment is counted for the new one.
 */
export class FlowTally {
  readonly memory: TallyMemory;

  constructor(memory: TallyMemory) {
    this.memory = memory;
  }

  static of(capacity: number): FlowTally {
    return new FlowTally({ counts: sharedFloat64(COUNTS * capacity), seen: sharedInt32(capacity) });
  }

  count(entry: number, direction: 0 | 1, packets: number, bytes: number, now: Millis): void {
    const { counts, seen } = this.memory;
    const at = entry * COUNTS + direction;
    counts[at] += packets;
    counts[at + 2] += bytes;
    seen[entry] = now;
  }

  packets(entry: number, direction: 0 | 1): number {
    return this.memory.counts[entry * COUNTS + direction];
  }

  bytes(entry: number, direction: 0 | 1): number {
    return this.memory.counts[entry * COUNTS + direction + 2];
  }

  /** Milliseconds since it counted something for this entry; a very large number when it never did. */
  idle(entry: number, now: Millis): number {
    const { seen } = this.memory;
    return seen[entry] === 0 ? Number.POSITIVE_INFINITY : (now - seen[entry]) >>> 0;
  }

  clear(entry: number): void {
    const { counts, seen } = this.memory;
    if (seen[entry] === 0) return;
    counts.fill(0, entry * COUNTS, (entry + 1) * COUNTS);
    seen[entry] = 0;
  }
}
