import { sharedBytes, sharedInt32 } from '../../base/shared-arrays.ts';

/*
 *  One writer, one reader, no locks. `control`: 0 end of what was written, 1 end of what was used up, 2 whether the reader was
 *  woken and has not looked since; both ends count bytes modulo 2³².
 *
 *  record, at a multiple of 16:   bytes 4 | kind 4 | 0×8 | what the kind says
 */
const CONTROL = { written: 0, used: 1, woken: 2, words: 16 } as const;
const HEAD = 16;
/** A record that only fills the space up to the end of the ring. */
const PAD = 0;

/** The memory of a ring, as it goes to another thread; a power of two of bytes. */
export interface RingMemory {
  readonly bytes: Uint8Array;
  readonly control: Int32Array;
}

export function ringMemory(bytes: number): RingMemory {
  return { bytes: sharedBytes(bytes), control: sharedInt32(CONTROL.words) };
}

/** Bytes that something takes in a ring. */
export function aligned(length: number): number {
  return (length + 15) & ~15;
}

/** The writing end. */
export class RingWriter {
  readonly bytes: Uint8Array;
  readonly words: Int32Array;
  readonly #control: Int32Array;
  #written: number;

  constructor({ bytes, control }: RingMemory) {
    this.bytes = bytes;
    this.words = new Int32Array(bytes.buffer);
    this.#control = control;
    this.#written = control[CONTROL.written];
  }

  /** Where a record with `length` bytes behind its head may be written, or -1 when there is no room. `push` makes it a record. */
  place(length: number): number {
    const size = HEAD + aligned(length);
    const at = this.#written & (this.bytes.length - 1);
    const toEnd = this.bytes.length - at;
    const skipped = size > toEnd ? toEnd : 0;
    if (size + skipped > this.#free()) return -1;
    if (skipped === 0) return at + HEAD;
    this.words[at >> 2] = skipped;
    this.words[(at >> 2) + 1] = PAD;
    this.#written = (this.#written + skipped) | 0;
    return HEAD;
  }

  /** The record placed last is whole; it is read once it is published. */
  push(kind: number, length: number): void {
    const at = (this.#written & (this.bytes.length - 1)) >> 2;
    const size = HEAD + aligned(length);
    this.words[at] = size;
    this.words[at + 1] = kind;
    this.#written = (this.#written + size) | 0;
  }

  /** What was pushed may be read from now on. True when the reader has to be woken. */
  publish(): boolean {
    if (this.#written === this.#control[CONTROL.written]) return false;
    Atomics.store(this.#control, CONTROL.written, this.#written);
    return Atomics.exchange(this.#control, CONTROL.woken, 1) === 0;
  }

  /** The end of what was written so far, for `isUsed`. */
  get mark(): number {
    return this.#written;
  }

  /** True when everything before the mark was used up. */
  isUsed(mark: number): boolean {
    return ((Atomics.load(this.#control, CONTROL.used) - mark) | 0) >= 0;
  }

  #free(): number {
    return this.bytes.length - ((this.#written - Atomics.load(this.#control, CONTROL.used)) >>> 0);
  }
}

/** The reading end: records stay where they are until `release`. */
export class RingReader {
  readonly bytes: Uint8Array;
  readonly words: Int32Array;
  readonly view: DataView;
  readonly #control: Int32Array;
  #read = 0;

  constructor({ bytes, control }: RingMemory) {
    this.bytes = bytes;
    this.words = new Int32Array(bytes.buffer);
    this.view = new DataView(bytes.buffer);
    this.#control = control;
  }

  /** From here on the writer wakes again. */
  handleWake(): void {
    Atomics.store(this.#control, CONTROL.woken, 0);
  }

  /** The kind of the next record, or 0 when all was read. */
  peek(): number {
    const end = Atomics.load(this.#control, CONTROL.written);
    while (this.#read !== end) {
      const at = this.#at() >> 2;
      if (this.words[at + 1] !== PAD) return this.words[at + 1];
      this.#read = (this.#read + this.words[at]) | 0;
    }
    return 0;
  }

  /** Where what the record says begins; it counts as read. Only after `peek` found one. */
  take(): number {
    const at = this.#at();
    this.#read = (this.#read + this.words[at >> 2]) | 0;
    return at + HEAD;
  }

  /** Everything read so far is used up: the writer may write there, and what follows it may go its own way. */
  release(): void {
    Atomics.store(this.#control, CONTROL.used, this.#read);
  }

  #at(): number {
    return this.#read & (this.bytes.length - 1);
  }
}
