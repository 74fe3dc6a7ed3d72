import type { Millis, UnixSeconds } from '../base/brands.ts';
import { admitsNow } from './admission.ts';
import type { SlotMatch } from './slot-match.ts';

/** Which slot an end GE answers, and how (protocol.md 3.5). */
export type SlotChoice =
  /** class 1, 2, or 3 after a vain refresh */
  | { readonly kind: 'accept'; readonly match: SlotMatch; readonly oldSlot: number | null }
  /** class 3: this node is behind and refreshes first */
  | { readonly kind: 'refresh'; readonly match: SlotMatch }
  /** class 4: the start GE's version is old */
  | { readonly kind: 'stale'; readonly match: SlotMatch }
  /** this node has no lease to admit anyone by */
  | { readonly kind: 'behind'; readonly match: SlotMatch }
  /** class 5 */
  | { readonly kind: 'none' };

export interface ChoiceInput {
  readonly noGms: boolean;
  /** the SA that the DDE names for a rekey is a chain under this match's version (protocol.md 2.6) */
  readonly chained: (match: SlotMatch) => boolean;
  /** the refresh of class 3 was tried */
  readonly refreshed: boolean;
  readonly unixNow: UnixSeconds;
}

/** R1: the first class that has a match, and inside a class the start GE's most preferred slot. */
export function chooseSlot(matches: readonly SlotMatch[], input: ChoiceInput, now: Millis): SlotChoice {
  const classes = matches.map((match) => ({ match, class: classOf(match, input, now) }));
  classes.sort((a, b) => a.class - b.class || a.match.preference.rank - b.match.preference.rank);
  const [best] = classes;
  if (best === undefined) return { kind: 'none' };
  if (best.class === 4) return { kind: 'stale', match: best.match };
  if (best.class === 3 && !input.refreshed) return { kind: 'refresh', match: best.match };
  if (input.unixNow >= best.match.version.notAfter) return { kind: 'behind', match: best.match };
  const old = classes.find((other) => other.class === 4 && other.match.group !== best.match.group);
  return { kind: 'accept', match: best.match, oldSlot: old?.match.slot ?? null };
}

function classOf(match: SlotMatch, input: ChoiceInput, now: Millis): 1 | 2 | 3 | 4 {
  const { version, preference } = match;
  const newest = version.state === 'current' || version.state === 'next';
  if (preference.previous) return newest ? 3 : 4;
  if (newest) return 1;
  const by = { role: 'responder', noGms: input.noGms, chained: input.chained(match) } as const;
  return admitsNow(version, by, now) && version.kPsk !== undefined ? 2 : 4;
}
