import { MESSAGE } from '../../base/primitives.ts';

const { stride } = MESSAGE;

/** Sees a datagram behind its prefix, and the row that it came in; true takes it out. */
export type TakeDatagram = (bytes: Uint8Array, rows: Int32Array, at: number) => boolean;

/**
 * Takes datagrams out of rows of received messages. A GRO run may hold some that are taken and some that stay: it is cut
 * there; what does not fit the table any more is dropped.
 */
export class MessageFilter {
  #rows = new Int32Array(0);

  /** The new number of rows. */
  pass(arena: Uint8Array, messages: Int32Array, count: number, take: TakeDatagram): number {
    this.#rows = messages.slice(0, count * stride);
    let out = 0;
    for (let row = 0; row < count; row++)
      for (const [from, length] of this.#left(arena, row * stride, take)) {
        if ((out + 1) * stride > messages.length) break;
        messages.set(this.#rows.subarray(row * stride, (row + 1) * stride), out * stride);
        messages[out * stride + MESSAGE.offset] = from;
        messages[out * stride + MESSAGE.length] = length;
        messages[out * stride + MESSAGE.segment] = Math.min(this.#rows[row * stride + MESSAGE.segment], length);
        out += 1;
      }
    return out;
  }

  /** Stretches of a row that stay: where each begins, and its bytes. */
  #left(arena: Uint8Array, at: number, take: TakeDatagram): (readonly [number, number])[] {
    const rows = this.#rows;
    const start = rows[at + MESSAGE.offset];
    const end = start + rows[at + MESSAGE.length];
    const step = rows[at + MESSAGE.segment] > 0 ? rows[at + MESSAGE.segment] : end - start;
    const left: (readonly [number, number])[] = [];
    let since = start;
    for (let from = start; from < end; from += step) {
      const stop = Math.min(from + step, end);
      if (!take(arena.subarray(from + rows[at + MESSAGE.prefix], stop), rows, at)) continue;
      if (from > since) left.push([since, from - since]);
      since = stop;
    }
    if (since < end) left.push([since, end - since]);
    return left;
  }
}
