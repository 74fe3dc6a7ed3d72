import { type Millis, millis, type UnixSeconds, unixSeconds } from '../base/brands.ts';
import { compareBytes } from '../base/bytes.ts';
import { unreachable } from '../base/unreachable.ts';

/*
 * The versions of one group's key on one node (protocol.md 10.1), as a pure step; the keys themselves are in the key ring.
 *
 *          held early                 activate_at, peer, hint           grace over, nothing open        9th of its kind
 *   (new) ───────────▶ NEXT ────────────────────────────▶ CURRENT ───▶ RETIRED ───────────────▶ TAGONLY ─────────▶ gone
 *      └──────── removal, or nothing held yet ───────────────▲            │                        ▲
 *                                                                         └─── a removal: at once ─┘
 */

export type VersionState = 'next' | 'current' | 'retired' | 'tagonly';
/** Why a version replaced the one before it (protocol.md 10.2). */
export type VersionReason = 'schedule' | 'manual' | 'removal';

/** What a signed bundle says about a version, without its keys. */
export interface VersionTerms {
  readonly v: number;
  readonly r: number;
  /** 0: no time is set; then a peer that uses it is waited for */
  readonly activateAt: UnixSeconds;
  /** 0: no lease, in networks without a server */
  readonly notAfter: UnixSeconds;
  readonly reason: VersionReason;
  readonly rosterSeq: number;
  readonly rosterHead: Uint8Array;
  /** Place of the last REMOVE in that roster, 0 for none: a removal counts also when its own version was never held. */
  readonly lastRemove?: number;
  /** Stated by the authority for versions that were replaced before this node held them. */
  readonly retired?: 'schedule' | 'removal';
}

export interface VersionRecord {
  readonly v: number;
  readonly r: number;
  readonly state: VersionState;
  readonly activateAt: UnixSeconds;
  /** Where there is no lease: the end of time, so that comparisons hold. */
  readonly notAfter: UnixSeconds;
  readonly reason: VersionReason;
  readonly rosterSeq: number;
  readonly rosterHead: Uint8Array;
  readonly lastRemove: number;
  /** `at`: when its successor came into force, which may be before this node heard of it */
  readonly retired: { readonly at: Millis; readonly cause: 'schedule' | 'removal' } | undefined;
}

export interface RingPolicy {
  /** protocol.md 10.2; `flow` keeps K_psk while a flow admitted under it lives */
  readonly retain: 'migrate' | 'flow';
  /** No server, here or at some peers: grace after a schedule lasts to not_after (protocol.md 3.5). */
  readonly longGrace: boolean;
}

export interface RingState {
  readonly policy: RingPolicy;
  /** Newest first. */
  readonly versions: readonly VersionRecord[];
  /** The highest CURRENT ever: persisted, never decreases (protocol.md 10.5 V1). */
  readonly highestCurrent: number;
  /** The newest version made for a removal: what is older admits nobody, also after a restart. Persisted. */
  readonly removalFloor: number;
  /** Proof of two rosters for one version: nobody is admitted (protocol.md 9.3). */
  readonly stopped: boolean;
  readonly lastFetch: Millis | undefined;
}

/** `monotonic` measures grace, `unix` is the lease clock, `corrected` the clock for activate_at (protocol.md 10.4). */
export interface KeyClock {
  readonly monotonic: Millis;
  readonly unix: UnixSeconds;
  readonly corrected: UnixSeconds;
}

export type RingInput =
  | { readonly type: 'version'; readonly terms: VersionTerms }
  /** `inUse`: a handshake under v is open. `chainAlive`: under `retain=flow`, a flow admitted under v lives. */
  | { readonly type: 'tick'; readonly inUse: (v: number) => boolean; readonly chainAlive: (v: number) => boolean }
  /** An authentic peer used v: at MPIT, not at DDE (R1). */
  | { readonly type: 'peer-used'; readonly v: number }
  /** STALE, BEHIND, D-STALE or old_slot named v (protocol.md 3.6). */
  | { readonly type: 'hint'; readonly v: number }
  /** A newer bundle names another policy for the group. */
  | { readonly type: 'policy'; readonly policy: RingPolicy };

export type RingEffect =
  /** Persist `highestCurrent` before anything is sent under v, then move live pairs within U(0, spread). */
  | { readonly type: 'current'; readonly v: number; readonly reason: VersionReason; readonly spread: Millis }
  /** In the same step: end half-opens of versions below v, and cap their SAs at min(own cap, at) (protocol.md 10.2). */
  | { readonly type: 'removal'; readonly below: number; readonly capAt: Millis }
  /** K_psk and all else but K_tag and K_stale go. */
  | { readonly type: 'tagonly'; readonly v: number }
  | { readonly type: 'gone'; readonly v: number }
  /** Ask the server for the group's newest bundle. */
  | { readonly type: 'fetch' }
  | { readonly type: 'refused'; readonly v: number; readonly fault: VersionFault }
  /** Group-wide stop: two signed bundles give v different rosters. */
  | { readonly type: 'stop'; readonly v: number };

export type VersionFault = 'known' | 'old' | 'conflict';

/** Constants of protocol.md 15. */
export const KEY_TIMES = {
  grace: 60_000,
  removalCap: 60_000,
  spreadSchedule: 60_000,
  spreadManual: 1_000,
  chain: 24 * 3_600_000,
  fetchEvery: 5_000,
} as const;
/** TAGONLY versions kept; also RETIRED ones, where a long grace would keep them for ever. */
const KEPT = 8;
/** RETIRED versions whose flows may live on, under `retain=flow` in a network with a server. */
const KEPT_FOR_FLOWS = 32;
const END_OF_TIME = unixSeconds(0xffff_ffff);

/** A ring without versions; what was persisted of an earlier run still binds it. */
export function emptyRing(policy: RingPolicy, persisted = { highestCurrent: 0, removalFloor: 0 }): RingState {
  return { policy, ...persisted, versions: [], stopped: false, lastFetch: undefined };
}

interface Stepped {
  readonly state: RingState;
  readonly effects: readonly RingEffect[];
}

export function stepRing(state: RingState, input: RingInput, now: KeyClock): Stepped {
  switch (input.type) {
    case 'version':
      return addVersion(state, input.terms, now);
    case 'tick':
      return tick(state, input, now);
    case 'peer-used':
      return advanceTo(state, input.v, now);
    case 'hint':
      return hint(state, input.v, now);
    case 'policy':
      return { state: { ...state, policy: input.policy }, effects: [] };
    default:
      return unreachable(input);
  }
}

/** Until when a version retired by a schedule still admits, on the clock that its policy uses. */
export function inGrace(policy: RingPolicy, version: VersionRecord, now: KeyClock): boolean {
  const { retired } = version;
  if (retired === undefined || retired.cause === 'removal') return false;
  return policy.longGrace ? now.unix < version.notAfter : now.monotonic < retired.at + KEY_TIMES.grace;
}

function addVersion(state: RingState, terms: VersionTerms, now: KeyClock): Stepped {
  const held = state.versions.find(({ v }) => v === terms.v);
  if (held !== undefined) return addAgain(state, held, terms);
  const late = terms.v < state.highestCurrent ? 'schedule' : undefined;
  const cause = terms.v < state.removalFloor ? 'removal' : (terms.retired ?? late);
  const version: VersionRecord = {
    v: terms.v,
    r: terms.r,
    state: cause === undefined ? 'next' : cause === 'removal' ? 'tagonly' : 'retired',
    activateAt: terms.activateAt,
    notAfter: leaseOf(terms),
    reason: terms.reason,
    rosterSeq: terms.rosterSeq,
    rosterHead: terms.rosterHead,
    lastRemove: terms.lastRemove ?? 0,
    retired: cause && { at: now.monotonic, cause },
  };
  const added = trimmed({ ...state, versions: [...state.versions, version].sort((a, b) => b.v - a.v) });
  if (cause !== undefined) return added;
  // after a restart the highest CURRENT is CURRENT again, by whatever it had become so
  const atOnce = terms.reason === 'removal' || terms.v === state.highestCurrent;
  return joined(added, atOnce ? advanceTo(added.state, terms.v, now) : advanceDue(added.state, now));
}

/**
 * Equal v means equal roster: two signed statements that differ stop the group (protocol.md 9.3, R6). The lease is what
 * the newest bundle says (protocol.md 10.4).
 */
function addAgain(state: RingState, held: VersionRecord, terms: VersionTerms): Stepped {
  const { v, r, rosterSeq, rosterHead } = terms;
  const same = held.r === r && held.rosterSeq === rosterSeq && compareBytes(held.rosterHead, rosterHead) === 0;
  if (same) {
    const renewed = { ...held, notAfter: leaseOf(terms) };
    const versions = state.versions.map((version) => (version === held ? renewed : version));
    return { state: { ...state, versions }, effects: [{ type: 'refused', v, fault: 'known' }] };
  }
  return {
    state: { ...state, stopped: true },
    effects: [
      { type: 'refused', v, fault: 'conflict' },
      { type: 'stop', v },
    ],
  };
}

function leaseOf({ notAfter }: VersionTerms): UnixSeconds {
  return notAfter === 0 ? END_OF_TIME : notAfter;
}

/** The newest NEXT whose time has come; the very first version needs no time. */
function advanceDue(state: RingState, now: KeyClock): Stepped {
  const first = state.versions.every((version) => version.state !== 'current');
  const due = state.versions.find(
    ({ state: is, activateAt }) => is === 'next' && (activateAt === 0 ? first : activateAt <= now.corrected),
  );
  return due === undefined ? { state, effects: [] } : advanceTo(state, due.v, now);
}

/** Makes a held NEXT the CURRENT one, and all older ones RETIRED, or TAGONLY after a removal. Never goes back, since every NEXT is newer (V1). */
function advanceTo(state: RingState, v: number, now: KeyClock): Stepped {
  const chosen = state.versions.find((version) => version.v === v && version.state === 'next');
  if (chosen === undefined) return { state, effects: [] };
  const floor = Math.max(state.removalFloor, removalFloorOf(state, chosen));
  const removal = state.versions.some((version) => version.v < floor && version.v >= state.removalFloor);
  const spread = removal ? millis(0) : spreadOf(chosen.reason);
  const effects: RingEffect[] = [{ type: 'current', v, reason: chosen.reason, spread }];
  if (removal) effects.push({ type: 'removal', below: floor, capAt: millis(now.monotonic + KEY_TIMES.removalCap) });
  const versions = state.versions.map((version): VersionRecord => {
    if (version.v > v) return version;
    if (version.v === v) return { ...version, state: 'current' };
    return retire(version, version.v < floor ? 'removal' : 'schedule', inForceSince(chosen, now), effects);
  });
  return joined({ state, effects }, trimmed({ ...state, versions, highestCurrent: v, removalFloor: floor }));
}

/** The oldest held version that no removal lies behind, seen from the chosen one; 0 when there was no removal. */
function removalFloorOf(state: RingState, chosen: VersionRecord): number {
  let floor = 0;
  for (const version of state.versions) {
    if (version.v > chosen.v) continue;
    if (version.rosterSeq < chosen.lastRemove) break;
    if (version.reason === 'removal') return version.v;
    if (chosen.lastRemove > 0) floor = version.v;
  }
  return floor;
}

/** Grace and chains run from the roll itself: a node that hears of it late keeps nothing longer than the others (protocol.md 3.5). */
function inForceSince({ activateAt }: VersionRecord, { monotonic, corrected }: KeyClock): Millis {
  return activateAt === 0 ? monotonic : millis(monotonic - 1000 * Math.max(0, corrected - activateAt));
}

function retire(
  version: VersionRecord,
  cause: 'schedule' | 'removal',
  since: Millis,
  effects: RingEffect[],
): VersionRecord {
  if (version.state === 'tagonly') return version;
  const at = millis(Math.min(since, version.retired?.at ?? since));
  if (cause === 'schedule') return { ...version, state: 'retired', retired: { at, cause } };
  effects.push({ type: 'tagonly', v: version.v }); // grace 0; its half-opens end in the same step (R4, V7)
  return { ...version, state: 'tagonly', retired: { at, cause } };
}

function spreadOf(reason: VersionReason): Millis {
  switch (reason) {
    case 'schedule':
      return millis(KEY_TIMES.spreadSchedule);
    case 'manual':
      return millis(KEY_TIMES.spreadManual);
    case 'removal':
      return millis(0);
    default:
      return unreachable(reason);
  }
}

function tick(state: RingState, input: Extract<RingInput, { type: 'tick' }>, now: KeyClock): Stepped {
  const advanced = advanceDue(state, now);
  const effects: RingEffect[] = [];
  const versions = advanced.state.versions.map((version): VersionRecord => {
    if (version.state !== 'retired' || kept(state.policy, version, input, now)) return version;
    effects.push({ type: 'tagonly', v: version.v });
    return { ...version, state: 'tagonly' };
  });
  return joined(advanced, joined({ state, effects }, trimmed({ ...advanced.state, versions })));
}

/** Whether K_psk of a retired version is still needed (protocol.md 10.5 V7). */
function kept(
  policy: RingPolicy,
  version: VersionRecord,
  { inUse, chainAlive }: Extract<RingInput, { type: 'tick' }>,
  now: KeyClock,
): boolean {
  if (inGrace(policy, version, now) || inUse(version.v)) return true;
  const age = now.monotonic - (version.retired?.at ?? now.monotonic);
  return policy.retain === 'flow' && age < KEY_TIMES.chain && chainAlive(version.v);
}

/** A hint fetches; the one thing it may change is to activate a held version, which came signed (protocol.md 3.6, R2). */
function hint(state: RingState, v: number, now: KeyClock): Stepped {
  const held = state.versions.find((version) => version.state === 'next' && version.v <= v);
  const advanced = held === undefined ? { state, effects: [] } : advanceTo(state, held.v, now);
  if (advanced.state.highestCurrent >= v) return advanced;
  const { lastFetch } = state;
  if (lastFetch !== undefined && now.monotonic < lastFetch + KEY_TIMES.fetchEvery) return advanced;
  const fetched: Stepped = { state: { ...advanced.state, lastFetch: now.monotonic }, effects: [{ type: 'fetch' }] };
  return joined(advanced, fetched);
}

/** At most 8 TAGONLY versions, and as many RETIRED ones, or more where flows may live on under them. */
function trimmed(state: RingState): Stepped {
  const { retain, longGrace } = state.policy;
  const most = retain === 'flow' && !longGrace ? KEPT_FOR_FLOWS : KEPT;
  const effects: RingEffect[] = [];
  let [retired, tagonly] = [0, 0];
  const versions = state.versions.flatMap((version): VersionRecord[] => {
    let now = version;
    if (now.state === 'retired' && ++retired > most) {
      effects.push({ type: 'tagonly', v: now.v });
      now = { ...now, state: 'tagonly' };
    }
    if (now.state !== 'tagonly' || ++tagonly <= KEPT) return [now];
    effects.push({ type: 'gone', v: now.v });
    return [];
  });
  return { state: { ...state, versions }, effects };
}

function joined(first: Stepped, second: Stepped): Stepped {
  return { state: second.state, effects: [...first.effects, ...second.effects] };
}
