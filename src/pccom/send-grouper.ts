import { MAX_SEGMENTS, MAX_SEND, SEND } from '../base/primitives.ts';

const NO_PATH = 0;

/**
 * Groups datagrams into sends: consecutive ones to one path, all of the first one's size, a smaller one last.
 * The datagrams lie one behind the other in the output arena; this class only keeps the rows and the position.
 */
export class SendGrouper {
  count = 0;
  /** where the next datagram goes in the output arena */
  position = 0;
  #rows: Int32Array = new Int32Array(0);
  #capacity = 0;
  /** path of the send that may still take datagrams, NO_PATH if none */
  #openPath = NO_PATH;

  begin(rows: Int32Array, capacity: number): void {
    this.#rows = rows;
    this.#capacity = capacity;
    this.count = 0;
    this.position = 0;
    this.#openPath = NO_PATH;
  }

  /** Whether a datagram of this size (prefix included) has a place in the arena and in a row. */
  fits(path: number, size: number): boolean {
    if (size > MAX_SEND || this.position + size > this.#capacity) return false;
    return this.#joins(path, size) || (this.count + 1) * SEND.stride <= this.#rows.length;
  }

  /** Takes a datagram that `fits`. */
  add(path: number, size: number): void {
    if (this.#joins(path, size)) this.#extend(size);
    else this.#start(path, size);
    this.position += size;
  }

  #joins(path: number, size: number): boolean {
    if (this.#openPath !== path) return false;
    const row = this.#row();
    const fitting = size <= this.#rows[row + SEND.segment] && this.#rows[row + SEND.length] + size <= MAX_SEND;
    return fitting && this.#rows[row + SEND.count] < MAX_SEGMENTS;
  }

  #extend(size: number): void {
    const row = this.#row();
    this.#rows[row + SEND.length] += size;
    this.#rows[row + SEND.count] += 1;
    if (size < this.#rows[row + SEND.segment]) this.#openPath = NO_PATH;
  }

  #start(path: number, size: number): void {
    this.count += 1;
    const row = this.#row();
    this.#rows[row + SEND.offset] = this.position;
    this.#rows[row + SEND.length] = size;
    this.#rows[row + SEND.segment] = size;
    this.#rows[row + SEND.path] = path;
    this.#rows[row + SEND.count] = 1;
    this.#rows[row + SEND.reserved] = 0;
    this.#openPath = path;
  }

  #row(): number {
    return (this.count - 1) * SEND.stride;
  }
}
