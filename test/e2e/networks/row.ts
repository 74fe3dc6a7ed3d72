/** One element of a row, as `X GES OP S{1,2}` says it. */
export interface RowElement {
  readonly name: string;
  readonly type: 'ges' | 'gen';
  readonly mode: 'op' | 'cl';
  /** S: it protects the source, D: the destination, N: neither, B: both */
  readonly side: 'S' | 'D' | 'N' | 'B';
  /** numbers of its groups */
  readonly groups: readonly number[];
}

/**
 * A row of the decision table (protocol.md 20.3) as it is run: its path, and what is to be seen of each element, in the order
 * of the path. `ENC(1)`, `RELAY-C`, `RELAY-P` and `DISCARD` are the table's; nothing is expected of an element behind the one that
 * discards, which no packet reaches.
 */
export interface Row {
  readonly name: string;
  readonly path: string;
  /** towards overlay addresses, and networks that are reached through the overlay; from either end alike */
  readonly overlay: string;
  /** why the first element discards, where it does */
  readonly reason?: string;
  /** towards ordinary addresses: from the left end, and from the right one */
  readonly ordinary: string;
  readonly ordinaryBack: string;
}

/** The elements of a path, in its order. */
export function elementsOf(path: string): RowElement[] {
  return path.split(' – ').map((text) => {
    const [, name = '', type, mode, side, groups = ''] =
      /^(\w+) (GES|GEN) (OP|CL) ([SDNB])\{([\d,]*)\}$/.exec(text) ?? [];
    if (side !== 'S' && side !== 'D' && side !== 'N' && side !== 'B') throw new Error(`not an element: ${text}`);
    const numbers = groups.split(',').filter((each) => each !== '');
    return {
      name,
      type: type === 'GEN' ? 'gen' : 'ges',
      mode: mode === 'CL' ? 'cl' : 'op',
      side,
      groups: numbers.map(Number),
    };
  });
}
