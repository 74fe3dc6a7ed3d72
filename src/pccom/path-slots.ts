/** Where a lane's datagrams go (protocol.md 6.3): what the sender needs of it, here the prefix; the socket keeps the address. */
export interface PathSlot {
  address: Uint8Array;
  port: number;
  prefix: Uint8Array;
}

const LAST_PATH = 65_535;
const NONE = new Uint8Array(0);
const PREFIX = 8;

/** The path slots, numbered from 1; the lowest free one is taken. */
export class PathSlots {
  readonly #slots: (PathSlot | undefined)[] = [undefined];
  #lowest = 1;

  /** 0 when all are in use */
  reserve(): number {
    let number = this.#lowest;
    while (number < this.#slots.length && this.#slots[number] !== undefined) number += 1;
    if (number > LAST_PATH) return 0;
    this.#slots[number] = { address: NONE, port: 0, prefix: NONE };
    this.#lowest = number + 1;
    return number;
  }

  /** False for a slot not reserved, an address of neither 4 nor 16 bytes, a port out of range, or a prefix of another length than 8. */
  set(number: number, address: Uint8Array, port: number, prefix: Uint8Array | null): boolean {
    const slot = this.#slots[number];
    const valid =
      (address.length === 4 || address.length === 16) && Number.isInteger(port) && port > 0 && port <= 65_535;
    if (slot === undefined || !valid || (prefix !== null && prefix.length !== PREFIX)) return false;
    slot.address = address.slice();
    slot.port = port;
    slot.prefix = prefix === null ? NONE : prefix.slice();
    return true;
  }

  free(number: number): void {
    if (this.#slots[number] === undefined) return;
    this.#slots[number] = undefined;
    this.#lowest = Math.min(this.#lowest, number);
  }

  isReserved(number: number): boolean {
    return this.#slots[number] !== undefined;
  }

  /** The slot when it is reserved and has an address. */
  usable(number: number): PathSlot | undefined {
    const slot = this.#slots[number];
    return slot !== undefined && slot.address.length > 0 ? slot : undefined;
  }
}
