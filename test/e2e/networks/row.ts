/** One element, as `X GES OP S{1,2.2}` says it: version 1 where none is said. */
export interface RowElement {
  readonly name: string;
  readonly type: 'ges' | 'gen';
  readonly mode: 'op' | 'cl';
  /** S: it protects the source, D: the destination, N: neither, B: both; empty where that depends on the flow */
  readonly side: '' | 'S' | 'D' | 'N' | 'B';
  /** numbers of its groups */
  readonly groups: readonly number[];
  /** of which groups it has version 2 */
  readonly rolled: readonly number[];
}

/**
 * What is to be seen of each element on a path, in the order of the path: `ENC(1)`, `RELAY-C`, `RELAY-P` and `DISCARD` of the
 * decision table (protocol.md 20.1), `–` for one that no packet reaches; `unanswered` where all passed it on, and no answer came.
 */
export interface Row {
  readonly name: string;
  /** elements as above (M1 …), or names of machines, each a neighbour of the next; joined by ` – ` */
  readonly path: string;
  /** towards overlay addresses, and networks that are reached through the overlay; null: the other end has none */
  readonly overlay: string | null;
  /** from the other end; undefined: the same */
  readonly overlayBack?: string | null;
  /** towards ordinary addresses, from the left end, and from the right one; null: these go another way */
  readonly ordinary: string | null;
  readonly ordinaryBack: string | null;
}

/** The parts of a path, in its order. */
export function partsOf(path: string): string[] {
  return path.split(' – ');
}

/** Undefined where the text is no more than a name. */
export function elementOf(text: string): RowElement | undefined {
  const match = /^(\w+) (GES|GEN) (OP|CL) ?([SDNB]?)\{([\d.,]*)\}$/.exec(text);
  if (!match) return undefined;
  const [, name = '', type, mode, side, groups = ''] = match;
  const held = groups.split(',').filter((each) => each !== '');
  const versions = held.map((each) => each.split('.').map(Number));
  return {
    name,
    type: type === 'GEN' ? 'gen' : 'ges',
    mode: mode === 'CL' ? 'cl' : 'op',
    side: side === 'S' || side === 'D' || side === 'N' || side === 'B' ? side : '',
    groups: versions.map(([group = 0]) => group),
    rolled: versions.flatMap(([group = 0, version = 1]) => (version === 2 ? [group] : [])),
  };
}
