/*
 * Which slot of a DDE the end GE answers, and how (protocol.md 3.5):
 *
 *   1  I's current version is R's CURRENT or NEXT          accept
 *   2  I's current version is R's RETIRED, still in grace  accept
 *   3  I's previous version is R's CURRENT or NEXT         R is behind: refresh first, then choose again
 *   4  every other tag that R knows                        STALE: I is behind
 *   5  no tag that R knows                                 NOGROUP
 */

/** A slot whose tag R has found among its own versions. */
export interface SlotMatch {
  readonly slot: number;
  /** 0 to 7, as I ranks the group */
  readonly rank: number;
  /** it is the tag of the version before I's current one */
  readonly previous: boolean;
  /** what R holds that version as (protocol.md 10.1) */
  readonly state: 'next' | 'current' | 'retired' | 'tagonly';
  /** R may admit a peer under it now: its key is held and its lease runs; a RETIRED one is within its grace */
  readonly admissible: boolean;
}

export type SlotChoice<M extends SlotMatch> =
  | {
      readonly kind: 'accept';
      readonly match: M;
      /** a further slot of I's that is old, to be named in RGI */
      readonly oldSlot: number | null;
    }
  /** R is behind: it holds the DDE, refreshes the group of `match`, and chooses again with what it then knows. */
  | { readonly kind: 'refresh'; readonly match: M }
  /** STALE with this reason, under K_stale of `match`. */
  | { readonly kind: 'stale'; readonly reason: 'old' | 'behind'; readonly match: M }
  | { readonly kind: 'nogroup' };

/**
 * The choice among the slots that matched. `refreshed`: R has just refreshed or could not, so that a class 3 is final:
 * accepted under the previous version where R may admit under it (whether I may is for I to check), else BEHIND.
 */
export function chooseSlot<M extends SlotMatch>(matches: readonly M[], refreshed: boolean): SlotChoice<M> {
  const best = matches.toSorted(
    (a, b) => slotClass(a) - slotClass(b) || a.rank - b.rank || Number(a.previous) - Number(b.previous),
  )[0];
  if (best === undefined) return { kind: 'nogroup' };
  const accepted: SlotChoice<M> = { kind: 'accept', match: best, oldSlot: furtherOldSlot(matches, best) };
  switch (slotClass(best)) {
    case 1:
    case 2:
      return accepted;
    case 3:
      if (!refreshed) return { kind: 'refresh', match: best };
      return best.admissible ? accepted : { kind: 'stale', reason: 'behind', match: best };
    default:
      return { kind: 'stale', reason: 'old', match: best };
  }
}

function slotClass({ previous, state, admissible }: SlotMatch): 1 | 2 | 3 | 4 {
  const live = state === 'current' || state === 'next';
  if (previous) return live ? 3 : 4;
  if (live) return 1;
  return state === 'retired' && admissible ? 2 : 4;
}

/** The best liked other group of I's whose current version R no longer holds as CURRENT (the decision table's row M13). */
function furtherOldSlot(matches: readonly SlotMatch[], chosen: SlotMatch): number | null {
  const old = matches.filter(
    ({ rank, previous, state }) => rank !== chosen.rank && !previous && (state === 'retired' || state === 'tagonly'),
  );
  return old.toSorted((a, b) => a.rank - b.rank)[0]?.slot ?? null;
}
