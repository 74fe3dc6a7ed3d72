import type { Decision, ElementPlan } from './decision-table.ts';
import type { PathElement } from './path-element.ts';

/** Why an element refuses what the start GE decided for it. */
export type OrderRefusal =
  /** its own type, mode, groups or side are not as it reported them */
  | 'misquoted'
  /** it is to encrypt under a version that is not the newest it holds */
  | 'not-newest'
  /** it is closed, protects an end, and is to pass clear text */
  | 'clear-text-through-closed'
  /** it is closed, protects an end, and the ciphertext would not run between its inside and its outside */
  | 'uncovered';

/** What one element is told, and on which sides of it the two encrypting ends stand. */
export interface ElementOrder {
  /** how the start GE describes this element */
  readonly quoted: PathElement;
  readonly plan: ElementPlan;
  readonly encryptsInside: boolean;
  readonly encryptsOutside: boolean;
}

/**
 * The checks that each element makes itself, since the start GE decides for all and may lie: null when the order is one
 * that this element may follow (protocol.md 20.4, H4). A DISCARD is never refused for its effect.
 */
export function refuseOrder(own: PathElement, order: ElementOrder): OrderRefusal | null {
  if (!isSame(own, order.quoted)) return 'misquoted';
  const { action, group, version } = order.plan;
  if (action === 'ENC') {
    const held = group === undefined ? undefined : own.groups.get(group);
    return held !== undefined && held === version ? null : 'not-newest';
  }
  if (own.mode !== 'cl' || (own.side !== 's' && own.side !== 'd')) return null;
  if (action === 'RELAY-P') return 'clear-text-through-closed';
  if (action === 'RELAY-C' && !(order.encryptsInside && order.encryptsOutside)) return 'uncovered';
  return null;
}

/** The order that a decision holds for the element at this position. */
export function orderFor(path: readonly PathElement[], decision: Decision, at: number): ElementOrder {
  const encrypts = decision.elements.flatMap(({ action }, end) => (action === 'ENC' ? [end] : []));
  const before = encrypts.some((end) => end < at);
  const after = encrypts.some((end) => end > at);
  const inverted = path[at].side === 'd';
  return {
    quoted: path[at],
    plan: decision.elements[at],
    encryptsInside: inverted ? after : before,
    encryptsOutside: inverted ? before : after,
  };
}

function isSame(a: PathElement, b: PathElement): boolean {
  const plain = a.id === b.id && a.type === b.type && a.mode === b.mode && a.side === b.side;
  return plain && a.groups.size === b.groups.size && [...a.groups].every(([group, v]) => b.groups.get(group) === v);
}
