import type { TallyMemory } from '../../pit/flow-tally.ts';
import type { RingMemory } from './ring.ts';
import type { SharedNode } from './shared-node.ts';

/** What a worker is given: numbers of descriptors of this process, and shared memory. */
export interface LoopTask {
  /** how many lanes the node has */
  readonly loops: number;
  readonly tun: { readonly fd: number; readonly vnet: boolean };
  readonly udp: number;
  /** false where the main thread reads the device itself */
  readonly readsTun: boolean;
  readonly node: SharedNode;
  readonly ring: RingMemory;
  /** wakes the main thread when something is in the ring */
  readonly wake: number;
  readonly tally: TallyMemory;
  /** see WORKER_STATS */
  readonly stats: Float64Array;
  /** a copy of what its primitives count */
  readonly counters: Float64Array;
  /** what the main thread's `now` is behind the machine's monotonic clock, in milliseconds */
  readonly clock: number;
}

/** The machine's monotonic clock, the same for all threads, in milliseconds. */
export function machineMillis(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}
