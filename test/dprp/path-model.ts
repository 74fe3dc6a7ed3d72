/**
 * What a path of elements may do with a flow, by brute force: every way in which its elements could behave is walked with
 * one packet, what breaks a property of the papers is thrown away, and the best of the rest is taken. Nothing here comes
 * from the decision table: no rule, no order of rules, no type.
 *
 *   clear text     a closed element that protects an end never has it on its outer side
 *   who encrypts   the element nearest to a terminal where that is its own (GES, GEA), else any GEN over it
 *   members        where two that may encrypt share a group, the flow is never clear on the way between them
 *   one layer      what was encrypted is decrypted once, by a holder of the same group, before it reaches its terminal
 */

export interface ModelElement {
  readonly name: string;
  readonly type: 'GES' | 'GEN' | 'GEA';
  readonly closed: boolean;
  /** what it protects: source, destination, neither, both */
  readonly side: 'S' | 'D' | 'N' | 'B';
  /** group number → newest version that it holds */
  readonly groups: ReadonlyMap<number, number>;
}

export interface ModelPlan {
  readonly result: 'encrypt' | 'plain' | 'discard' | 'stale';
  /** one per element: ENC(group) or ENC(group.version) unless it is 1, RELAY-C, RELAY-P, DISCARD, HOLD */
  readonly actions: readonly string[];
  /** positions of the two that encrypt, or would under equal versions */
  readonly ends?: readonly [number, number];
  readonly group?: number;
  /** with result `stale`: which of them has the older version */
  readonly older?: number;
}

/** How one element may treat the packets of a flow: let them by, or be an end of encryption under a group of its own. */
type Behaviour = 'by' | number;

/** A way through the path: on each of its n + 1 links the group of the ciphertext, or null for clear text. */
interface Walk {
  readonly links: readonly (number | null)[];
  readonly ends: readonly number[];
}

/** What the properties allow, at its best. */
export function modelPlan(path: readonly ModelElement[]): ModelPlan {
  const allowed = walks(path).filter((walk) => keepsProperties(path, walk));
  const secret = allowed.filter(({ ends }) => ends.length === 2);
  if (secret.length > 0) return best(path, secret);
  const clear = allowed.length > 0;
  return {
    result: clear ? 'plain' : 'discard',
    actions: path.map(() => (clear ? 'RELAY-P' : 'DISCARD')),
  };
}

/** Every combination of behaviours by which the packet arrives at its terminal as it was sent. */
function walks(path: readonly ModelElement[]): Walk[] {
  const found: Walk[] = [];
  const step = (at: number, links: readonly (number | null)[], ends: readonly number[]) => {
    const now = links[at];
    if (at === path.length) {
      if (now === null) found.push({ links, ends });
      return;
    }
    const behaviours: readonly Behaviour[] = ['by', ...path[at].groups.keys()];
    for (const behaviour of behaviours)
      if (behaviour === 'by') step(at + 1, [...links, now], ends);
      else if (now === null) step(at + 1, [...links, behaviour], [...ends, at]);
      else if (now === behaviour) step(at + 1, [...links, null], [...ends, at]);
  };
  step(0, [null], []);
  return found;
}

function keepsProperties(path: readonly ModelElement[], { links, ends }: Walk): boolean {
  if (ends.length > 2) return false;
  if (!ends.every((end, nth) => mayEncrypt(path, end, nth === 0 ? 'S' : 'D'))) return false;
  return closedKeepsQuiet(path, links);
}

/** No closed element that protects an end has clear text on the link that leads away from what it protects. */
export function closedKeepsQuiet(path: readonly ModelElement[], links: readonly (number | null)[]): boolean {
  return path.every(({ closed, side }, at) => {
    if (!closed || side === 'N' || side === 'B') return true;
    return links[side === 'S' ? at + 1 : at] !== null;
  });
}

/** Whether this element may stand for the terminal at that end of the path. */
export function mayEncrypt(path: readonly ModelElement[], at: number, end: 'S' | 'D'): boolean {
  if (path[at].side !== end) return false;
  const fromTerminal = end === 'S' ? path.slice(0, at) : path.slice(at + 1);
  return fromTerminal.every(({ type, side }) => side !== end || type === 'GEN');
}

/** Nearest to both terminals; then under equal versions; then under the lowest number. */
function best(path: readonly ModelElement[], secret: readonly Walk[]): ModelPlan {
  const offers = secret.map(({ links, ends: [from, to] }) => {
    const group = links[from + 1] ?? 0;
    const [a, b] = [path[from].groups.get(group) ?? 0, path[to].groups.get(group) ?? 0];
    return { from, to, group, a, b, quiet: links.filter((link) => link !== null).length };
  });
  const quietest = offers.filter(({ quiet }) => quiet === Math.max(...offers.map((offer) => offer.quiet)));
  const equal = quietest.filter(({ a, b }) => a === b);
  const { from, to, group, a, b } = (equal.length > 0 ? equal : quietest).toSorted((x, y) => x.group - y.group)[0];
  const ends = [from, to] as const;
  if (a !== b) {
    const older = a < b ? from : to;
    return { result: 'stale', actions: path.map(() => 'HOLD'), ends, group, older };
  }
  const actions = path.map((_, at) => {
    if (at === from || at === to) return `ENC(${group}${a === 1 ? '' : `.${a}`})`;
    return from < at && at < to ? 'RELAY-C' : 'RELAY-P';
  });
  return { result: 'encrypt', actions, ends, group };
}
