/*
 * One SharedArrayBuffer (protocol.md 5.2), one writer; a reader in another thread sees it grow and must expect torn rows.
 *
 *  header 64 | key rows 64 each | tail rows 40 each | flow index 6.4 per entry | pit id index 6 per entry
 */
const HEADER_BYTES = 64;
export const KEY_WORDS = 16;
export const TAIL_WORDS = 10;
/** Bytes of an entry without its places in the two indexes. */
export const ENTRY_BYTES = 4 * (KEY_WORDS + TAIL_WORDS);
/** Slots per entry: at most 62 % and 67 % full, so a miss meets about four slots, mostly in one cache line. */
const FLOW_SLOTS = 1.6;
const PIT_ID_SLOTS = 1.5;
/** 24 bits of an index slot name the entry. */
const MAX_CAPACITY = 2 ** 24 - 1;

export const HEADER = { capacity: 0, live: 1, highWater: 2, freeHead: 3 } as const;

/** The typed arrays of a table; all over the same buffer. */
export interface PitMemory {
  readonly buffer: SharedArrayBuffer;
  readonly header: Int32Array;
  readonly keys: Int32Array;
  readonly tails: Int32Array;
  /** the tail rows again, as float64: five to a row */
  readonly counts: Float64Array;
  readonly flowSlots: Int32Array;
  readonly pitIdSlots: Int32Array;
}

/** Allocates the memory of a table of `capacity` entries. The system gives pages only as entries come into use. */
export function pitMemory(capacity: number): PitMemory {
  if (!Number.isInteger(capacity) || capacity < 1 || capacity > MAX_CAPACITY) {
    throw new RangeError(`a PIT holds 1 to ${MAX_CAPACITY} entries`);
  }
  const flowSlots = Math.ceil(capacity * FLOW_SLOTS) + 1;
  const pitIdSlots = Math.ceil(capacity * PIT_ID_SLOTS) + 1;
  const keysAt = HEADER_BYTES;
  const tailsAt = keysAt + 4 * KEY_WORDS * capacity;
  const flowAt = tailsAt + 4 * TAIL_WORDS * capacity;
  const pitIdAt = flowAt + 4 * flowSlots;
  const buffer = new SharedArrayBuffer(pitIdAt + 4 * pitIdSlots);
  const header = new Int32Array(buffer, 0, HEADER_BYTES / 4);
  header[HEADER.capacity] = capacity;
  return {
    buffer,
    header,
    keys: new Int32Array(buffer, keysAt, KEY_WORDS * capacity),
    tails: new Int32Array(buffer, tailsAt, TAIL_WORDS * capacity),
    counts: new Float64Array(buffer, tailsAt, (TAIL_WORDS / 2) * capacity),
    flowSlots: new Int32Array(buffer, flowAt, flowSlots),
    pitIdSlots: new Int32Array(buffer, pitIdAt, pitIdSlots),
  };
}
