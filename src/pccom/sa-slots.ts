import type { ReceiveLane } from './receive-lane.ts';
import type { SendLane } from './send-lane.ts';

const LANES = 8;
const LAST_SLOT = 65_535;
const SLOT_SHIFT = 3;
const SLOT_MASK = 0xffff;
/** High bits of an index that tell the slot's users apart in time. */
const GENERATION_MASK = 0xfff80000;

/** One lane of an SA: each half is installed once (protocol.md K1). */
export interface Lane {
  receive: ReceiveLane | undefined;
  send: SendLane | undefined;
  /** path slot, 0 before one is named */
  path: number;
}

interface SaSlot {
  readonly base: number;
  readonly lanes: readonly Lane[];
}

/** The SA slots, found by receiver index: `generation 13 | slot 16 | lane 3` (protocol.md 5.4). */
export class SaSlots {
  readonly #slots: (SaSlot | undefined)[] = [undefined];
  #lowest = 1;

  /** Takes the lowest free slot and returns its base index, 0 when all are in use. */
  reserve(random: number): number {
    let number = this.#lowest;
    while (number < this.#slots.length && this.#slots[number] !== undefined) number += 1;
    if (number > LAST_SLOT) return 0;
    const base = ((random & GENERATION_MASK) | (number << SLOT_SHIFT)) >>> 0;
    const lanes = Array.from({ length: LANES }, (): Lane => ({ receive: undefined, send: undefined, path: 0 }));
    this.#slots[number] = { base, lanes };
    this.#lowest = number + 1;
    return base;
  }

  /** The lane that an index names while its slot is reserved under this very base. */
  lane(index: number): Lane | undefined {
    const slot = this.#slots[(index >>> SLOT_SHIFT) & SLOT_MASK];
    if (slot === undefined || slot.base !== (index & ~(LANES - 1)) >>> 0) return undefined;
    return slot.lanes[index & (LANES - 1)];
  }

  /** Wipes all keys of a base index and gives the slot back; nothing for any other number. */
  free(base: number): void {
    const number = (base >>> SLOT_SHIFT) & SLOT_MASK;
    const slot = this.#slots[number];
    if (slot === undefined || slot.base !== base >>> 0) return;
    for (const lane of slot.lanes) {
      lane.receive?.wipe();
      lane.send?.stop();
    }
    this.#slots[number] = undefined;
    this.#lowest = Math.min(this.#lowest, number);
  }
}
