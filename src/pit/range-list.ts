/** A datagram in more separate pieces than this is an attack on memory, not a reordering. */
const MOST_PIECES = 64;

/** Which bytes of a fragmented datagram have come; refuses whatever was there before. */
export class RangeList {
  /** start and end of each piece, in order, never touching */
  #edges: number[] = [];
  /** bytes of the datagram, once its last fragment has come */
  #total = -1;

  /** Adds the bytes from `start` to before `end`; false when they overlap, contradict the end, or are too scattered. */
  add(start: number, end: number, last: boolean): boolean {
    const edges = this.#edges;
    const highest = edges.length === 0 ? 0 : edges[edges.length - 1];
    if (last ? this.#total >= 0 || end < highest : this.#total >= 0 && end > this.#total) return false;
    // the number of edges ≤ start: odd when start lies inside a piece
    let before = 0;
    while (before < edges.length && edges[before] <= start) before++;
    if (before % 2 === 1 || (before < edges.length && edges[before] < end)) return false;
    const joinsLeft = before > 0 && edges[before - 1] === start;
    const joinsRight = before < edges.length && edges[before] === end;
    edges.splice(
      joinsLeft ? before - 1 : before,
      Number(joinsLeft) + Number(joinsRight),
      ...(joinsLeft ? [] : [start]),
      ...(joinsRight ? [] : [end]),
    );
    if (last) this.#total = end;
    return edges.length <= 2 * MOST_PIECES;
  }

  /** True when every byte up to the last fragment's end has come. */
  isComplete(): boolean {
    return this.#edges.length === 2 && this.#edges[0] === 0 && this.#edges[1] === this.#total;
  }
}
