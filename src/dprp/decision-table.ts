import type { GroupId, KeyVersion } from '../base/brands.ts';
import { destinationSpeakers, isWellFormed, type PathElement, sourceSpeakers } from './path-element.ts';

/*
 * The decision table: what each GE on a path does with a flow (protocol.md 20.2).
 *
 *   1  closed set C: closed elements that protect the source or the destination (not transit, not both)
 *   2  candidates: a speaker of the source, a speaker of the destination, a group that both hold
 *   3  strike a candidate that leaves an element of C outside: it would have clear text on its outer side
 *   4  none left: C empty → relay in clear text; else → discard
 *   5  choose: longest interval, equal versions, lowest group
 *   6  versions differ → stale: the older side fetches, the packet stays held
 *   7  else the ends encrypt, between them ciphertext is relayed, outside them clear text
 *
 * Everything is symmetric in source and destination, so both directions of a connection get the same plan.
 */

/** What one element does. HOLD: no entry is made, the packet waits for the newer key. */
export type ElementAction = 'ENC' | 'RELAY-C' | 'RELAY-P' | 'DISCARD' | 'HOLD';

export type DecisionResult = 'encrypt' | 'relay-plain' | 'discard' | 'stale';

/** Every way in which the table comes to its result, and the rule that gives it (0: not a path at all); the codes are stable. */
export const RULES = {
  'common-group': {
    step: 7,
    result: 'encrypt',
    sentence:
      'Both ends hold the same version of a common group: they encrypt, and what lies between relays ciphertext.',
  },
  'old-version': {
    step: 6,
    result: 'stale',
    sentence: 'The ends share a group, but one of them holds an older version and must fetch the newer one first.',
  },
  'closed-uncovered': {
    step: 3,
    result: 'discard',
    sentence: 'Elements share a group, but a closed element outside of them would have clear text on its outer side.',
  },
  'no-common-group': {
    step: 4,
    result: 'discard',
    sentence: 'The elements that speak for the two ends share no group, and clear text is not allowed here.',
  },
  'no-element': {
    step: 4,
    result: 'discard',
    sentence: 'One end has no element that speaks for it, and a closed element protects the other.',
  },
  'open-no-common-group': {
    step: 4,
    result: 'relay-plain',
    sentence: 'The elements that speak for the two ends share no group, and all of them are open.',
  },
  'open-no-element': {
    step: 4,
    result: 'relay-plain',
    sentence: 'An end has no element that speaks for it, and no closed element protects either end.',
  },
  'malformed-path': {
    step: 0,
    result: 'discard',
    sentence: 'The elements did not report themselves in an order that a path can have.',
  },
} as const satisfies Record<
  string,
  { readonly step: number; readonly result: DecisionResult; readonly sentence: string }
>;
export type RuleCode = keyof typeof RULES;

/** An element whose version of a group is older than the other end's. */
export interface OldVersion {
  readonly group: GroupId;
  /** position on the path */
  readonly element: number;
}

/** The part of one element; group and version only with ENC and RELAY-C. */
export interface ElementPlan {
  readonly action: ElementAction;
  readonly group?: GroupId;
  readonly version?: KeyVersion;
}

/** The plan for a path: one row per element, in its order. */
export interface Decision {
  readonly elements: readonly ElementPlan[];
  readonly result: DecisionResult;
  readonly rule: RuleCode;
  /** only with result `stale` */
  readonly stale?: OldVersion;
  /** with result `encrypt`: further groups of the two ends in which one of them is behind, to be told so; by group */
  readonly alsoOld: readonly OldVersion[];
}

/** Decides for all elements of a path; pure, and the same at every element that knows the same path. */
export function decide(path: readonly PathElement[]): Decision {
  if (!isWellFormed(path)) return alike(path, 'malformed-path', 'DISCARD');
  const closed = path.flatMap(({ mode, side }, at) => (mode === 'cl' && (side === 's' || side === 'd') ? [at] : []));
  const sources = sourceSpeakers(path);
  const destinations = destinationSpeakers(path);
  const candidates = sources.flatMap((from) => destinations.flatMap((to) => commonGroups(path, from, to)));
  const covering = candidates.filter(({ from, to }) => closed.every((at) => from <= at && at <= to));
  if (covering.length === 0) {
    const silent = sources.length === 0 || destinations.length === 0;
    if (closed.length === 0) return alike(path, silent ? 'open-no-element' : 'open-no-common-group', 'RELAY-P');
    if (candidates.length > 0) return alike(path, 'closed-uncovered', 'DISCARD');
    return alike(path, silent ? 'no-element' : 'no-common-group', 'DISCARD');
  }
  const chosen = covering.reduce((best, next) => (prefer(next, best) < 0 ? next : best));
  const stale = olderEnd(chosen);
  if (stale !== null) return { ...alike(path, 'old-version', 'HOLD'), stale };
  return encrypted(path, chosen, candidates);
}

/**
 * The same towards an overlay address, or a subnet that is reached through the overlay: nothing goes there in clear
 * text, so what the table would relay in clear text is discarded as `no-common-group` (protocol.md C1).
 */
export function overlayDecision(path: readonly PathElement[]): Decision {
  const decision = decide(path);
  return decision.result === 'relay-plain' ? alike(path, 'no-common-group', 'DISCARD') : decision;
}

interface Candidate {
  readonly from: number;
  readonly to: number;
  readonly group: GroupId;
  readonly fromVersion: KeyVersion;
  readonly toVersion: KeyVersion;
}

function commonGroups(path: readonly PathElement[], from: number, to: number): Candidate[] {
  return [...path[from].groups].flatMap(([group, fromVersion]) => {
    const toVersion = path[to].groups.get(group);
    return toVersion === undefined ? [] : [{ from, to, group, fromVersion, toVersion }];
  });
}

/**
 * Rule 5; negative when `a` comes first, never zero: of two intervals of equal length in one group the outer ends share
 * that group too, so that a longer interval would be there.
 */
function prefer(a: Candidate, b: Candidate): number {
  return (
    b.to - b.from - (a.to - a.from) ||
    Number(olderEnd(a) !== null) - Number(olderEnd(b) !== null) ||
    (a.group < b.group ? -1 : 1)
  );
}

function olderEnd({ from, to, group, fromVersion, toVersion }: Candidate): OldVersion | null {
  if (fromVersion === toVersion) return null;
  return { group, element: fromVersion < toVersion ? from : to };
}

/** Rule 7. */
function encrypted(path: readonly PathElement[], chosen: Candidate, candidates: readonly Candidate[]): Decision {
  const { from, to, group, fromVersion: version } = chosen;
  const elements = path.map((_, at): ElementPlan => {
    if (at === from || at === to) return { action: 'ENC', group, version };
    return from < at && at < to ? { action: 'RELAY-C', group, version } : { action: 'RELAY-P' };
  });
  const sameEnds = candidates.filter((other) => other.from === from && other.to === to);
  const alsoOld = sameEnds.flatMap((other) => olderEnd(other) ?? []).sort((a, b) => (a.group < b.group ? -1 : 1));
  return { elements, result: 'encrypt', rule: 'common-group', alsoOld };
}

function alike(path: readonly PathElement[], rule: RuleCode, action: ElementAction): Decision {
  return { elements: path.map(() => ({ action })), result: RULES[rule].result, rule, alsoOld: [] };
}
