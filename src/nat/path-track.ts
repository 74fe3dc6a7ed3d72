import { type Millis, millis } from '../base/brands.ts';
import type { PathClass } from './candidate-order.ts';
import { PATH_CLASSES } from './candidate-order.ts';
import { type Route, routeName } from './path-route.ts';
import {
  CHALLENGE_REPEAT_MAX_MS,
  CHALLENGE_REPEAT_MIN_MS,
  CHALLENGES,
  FASTER_MS,
  FASTER_SHARE,
  FORGIVE_MS,
  HOLD_DOWN_MAX_MS,
  HOLD_DOWN_MS,
  SUSPECT_MAX_MS,
  SUSPECT_MIN_MS,
} from './tuning.ts';

/** Assumed before the first measurement. */
const FIRST_RTT = 150;

/**
 * What is known of one route to a peer.
 *
 *   known ──Tunnel Response──► answered ──PATH-RESPONSE──► proved ──3 challenges silent──► dead
 *     └──────────PATH-RESPONSE (a new source)──────────────►│ ◄──────PATH-RESPONSE──────────┘
 *
 * Traffic goes only by a proved one; before there is an SA, handshakes may go by an answered one.
 */
export interface PathTrack {
  readonly name: string;
  readonly route: Route;
  readonly class: PathClass;
  state: 'known' | 'answered' | 'proved' | 'dead';
  /** milliseconds, smoothed; undefined before the first answer */
  rtt: number | undefined;
  /** the last authentic datagram by this route, and the last answer to a challenge */
  heardAt: Millis | undefined;
  answeredAt: Millis | undefined;
  challenge: Challenge | undefined;
  /** a whole challenge was in vain, and nothing came since */
  isSilent: boolean;
  /** its relay is being asked whether it is there */
  isDoubted: boolean;
  deaths: number;
  aliveSince: Millis;
  /** after a death it is not used before this time */
  heldUntil: Millis;
  /** how often in a row it was faster than the path in use */
  faster: number;
}

interface Challenge {
  readonly token: Uint8Array;
  readonly firstAt: Millis;
  sent: number;
  nextAt: Millis;
}

export function newTrack(route: Route, pathClass: PathClass, now: Millis): PathTrack {
  return {
    name: routeName(route),
    route,
    class: pathClass,
    state: 'known',
    rtt: undefined,
    heardAt: undefined,
    answeredAt: undefined,
    challenge: undefined,
    isSilent: false,
    isDoubted: false,
    deaths: 0,
    aliveSince: now,
    heldUntil: millis(0),
    faster: 0,
  };
}

/** How long a path may be silent while it is sent on. */
export function suspectAfter({ rtt }: PathTrack): number {
  return rtt === undefined ? SUSPECT_MAX_MS : Math.min(SUSPECT_MAX_MS, Math.max(SUSPECT_MIN_MS, 3 * rtt));
}

/** One challenge has one token for all its repeats. */
export function startChallenge(track: PathTrack, token: Uint8Array, now: Millis): void {
  track.challenge = { token, firstAt: now, sent: 0, nextAt: now };
}

/** The challenge to be sent now: the token; 'silent' when none of its repeats was answered; undefined to wait. */
export function stepChallenge(track: PathTrack, now: Millis): Uint8Array | 'silent' | undefined {
  const { challenge } = track;
  if (!challenge || now < challenge.nextAt) return undefined;
  if (challenge.sent === CHALLENGES) return 'silent';
  challenge.sent++;
  challenge.nextAt = millis(now + repeatAfter(track));
  return challenge.token;
}

/** So that all repeats together give the path 3 round trips (protocol.md 6.2). */
function repeatAfter({ rtt }: PathTrack): number {
  return Math.min(CHALLENGE_REPEAT_MAX_MS, Math.max(CHALLENGE_REPEAT_MIN_MS, (rtt ?? FIRST_RTT) + 20));
}

/** Authentic data came by it. */
export function hear(track: PathTrack, now: Millis): void {
  track.heardAt = now;
  track.isSilent = false;
  track.isDoubted = false;
}

/** Somebody is there: the peer, or the relay on the way to it. */
export function meet(track: PathTrack, rtt?: number): void {
  if (track.state === 'known') track.state = 'answered';
  if (rtt !== undefined) measure(track, rtt);
  track.isDoubted = false;
}

/** The challenge was answered: the path works in both directions now. */
export function prove(track: PathTrack, now: Millis): void {
  const { challenge } = track;
  // only an answer before the first repeat says how long one round trip takes
  if (challenge?.sent === 1) measure(track, now - challenge.firstAt);
  track.challenge = undefined;
  if (track.state !== 'proved') track.aliveSince = now;
  if (now - track.aliveSince > FORGIVE_MS) track.deaths = 0;
  track.state = 'proved';
  hear(track, now);
  track.answeredAt = now;
}

function measure(track: PathTrack, rtt: number): void {
  track.rtt = track.rtt === undefined ? rtt : track.rtt + (rtt - track.rtt) / 4;
}

/** It stopped answering: it stays unused for a time that grows with each death, so that traffic never flaps. */
export function bury(track: PathTrack, now: Millis): void {
  track.challenge = undefined;
  track.isDoubted = false;
  track.state = 'dead';
  track.deaths++;
  track.faster = 0;
  track.heldUntil = millis(now + Math.min(HOLD_DOWN_MAX_MS, HOLD_DOWN_MS * 2 ** (track.deaths - 1)));
}

/** May traffic move to this route? */
export function isUsable({ state, heldUntil }: PathTrack, now: Millis): boolean {
  return state === 'proved' && now >= heldUntil;
}

export function isBetterClass(a: PathTrack, b: PathTrack): boolean {
  return PATH_CLASSES.indexOf(a.class) < PATH_CLASSES.indexOf(b.class);
}

/** It was measured: is it clearly faster than the path in use? */
export function compare(track: PathTrack, current: PathTrack | undefined): void {
  track.faster = current && isClearlyFaster(track, current) ? track.faster + 1 : 0;
}

function isClearlyFaster(a: PathTrack, b: PathTrack): boolean {
  if (a.rtt === undefined || b.rtt === undefined) return false;
  return a.rtt < b.rtt - FASTER_MS && a.rtt < b.rtt * (1 - FASTER_SHARE);
}
