import { type Millis, millis } from '../base/brands.ts';
import { INNER_MTU_FLOOR, OVERHEAD, TOO_BIG_AGE_MS } from './constants.ts';
import {
  MTU_COMMON,
  MTU_CONFIRM_MS,
  MTU_IN_USE_MS,
  MTU_MAX,
  MTU_MIN,
  MTU_PROBE_MS,
  MTU_PROBES,
  MTU_RAISE_MS,
  MTU_STEP,
} from './tuning.ts';

/** What kind of path it is, which decides how many bytes stand around an inner packet (protocol.md 6.5). */
export interface PathShape {
  readonly family: 4 | 6;
  /** relay and GEN frames: 0 to 2 */
  readonly frames: number;
}

/** The inner MTU of a path whose outer packets may have so many bytes. */
export function innerMtu(outer: number, { family, frames }: PathShape): number {
  return outer - OVERHEAD[family] - frames * OVERHEAD.frame;
}

/**
 * Two PATH-CHALLENGEs inside the SA: one padded so that the outer IP packet has `size` bytes, and a short one beside it, which
 * tells a path that carries nothing from one that carries nothing so large.
 */
export interface MtuProbe {
  readonly size: number;
  readonly token: Uint8Array;
  readonly shortToken: Uint8Array;
}

/** An ICMP too-big that quotes a datagram of this node (protocol.md N6). */
export interface TooBig {
  /** the size that the router names, of outer packets */
  readonly mtu: number;
  /** Is the receiver index in the quoted datagram one that this node sends to on this path? */
  readonly liveIndex: boolean;
  /** when the quoted counter was sent by this path; undefined when it never was */
  readonly sentAt: Millis | undefined;
}

interface SizeProbe extends MtuProbe {
  /** when it was last sent; undefined before */
  sentAt: Millis | undefined;
  nextAt: Millis;
  /** the short one was answered since the last sending */
  shortAnswered: boolean;
  /** of its sendings: lost although the path carried the short one, and lost with it */
  lost: number;
  lostWithAll: number;
}

/**
 * Path MTU of one path, after RFC 8899 (protocol.md 6.5). All sizes are of outer IP packets, between 1,200 and 9,000.
 *
 *   assumed ──answered──► searching ──nothing larger is left──► complete ──10 min──► searching
 *      │                      ▲                                    │
 *      └──lost three times──► base ◄──the size in use was lost three times while the path answered
 *
 * What the interface needs is assumed to pass until a probe says otherwise. After that a size is used once a probe of it
 * was answered, and given up only when three probes of it were lost although the path answered short ones: that is a black
 * hole. ICMP changes nothing by itself; it makes the next probe leave now.
 */
export class MtuSearch {
  readonly #random: (length: number) => Uint8Array;
  readonly #most: number;
  /** what is sent; above `#proved` while it is assumed, and for the moment in which a smaller one is looked for */
  #size: number;
  #proved = MTU_MIN;
  /** when the size in use is given up for what is proved */
  #floorAt: Millis | undefined;
  /** smallest size known not to pass */
  #tooLarge: number;
  #state: 'assumed' | 'base' | 'searching' | 'complete' = 'assumed';
  #probe: SizeProbe | undefined;
  #rtt = 0;
  #lastLargeAt: Millis | undefined;
  #confirmedAt: Millis;
  #raiseAt: Millis;
  #hint: number | undefined;
  #confirmNow = false;

  /** `most`: what the inner MTU of this node's interface needs outside; nothing larger is tried. */
  constructor(random: (length: number) => Uint8Array, most: number, now: Millis) {
    this.#random = random;
    this.#most = Math.max(MTU_MIN, Math.min(MTU_MAX, most));
    this.#size = this.#most;
    this.#tooLarge = this.#most + 1;
    this.#confirmedAt = now;
    this.#raiseAt = now;
  }

  /** Largest outer packet that is sent by this path. */
  get size(): number {
    return this.#size;
  }

  get state(): 'assumed' | 'base' | 'searching' | 'complete' {
    return this.#state;
  }

  /** A probe has no answer yet: what comes next is a matter of milliseconds. */
  get isProbing(): boolean {
    return this.#probe !== undefined;
  }

  /** The inner MTU to use now; `tooSmall` when the path has been measured and does not carry the floor. */
  usable(shape: PathShape): { readonly mtu: number; readonly tooSmall: boolean } {
    const mtu = innerMtu(this.#size, shape);
    const tooSmall = this.#state === 'complete' && mtu < INNER_MTU_FLOOR;
    return { mtu: tooSmall ? mtu : Math.max(INNER_MTU_FLOOR, mtu), tooSmall };
  }

  /** Large datagrams leave: the size in use is confirmed now and then. */
  handleLargeSent(now: Millis): void {
    this.#lastLargeAt = now;
  }

  /** PATH-RESPONSE; true when it answered a challenge of this search. */
  handleResponse(token: Uint8Array, now: Millis): boolean {
    const probe = this.#probe;
    if (!probe) return false;
    if (sameToken(probe.shortToken, token)) {
      probe.shortAnswered = true;
      this.#rtt = now - (probe.sentAt ?? now);
      return true;
    }
    if (!sameToken(probe.token, token)) return false;
    this.#probe = undefined;
    this.#rtt = now - (probe.sentAt ?? now);
    this.#confirmedAt = now;
    if (probe.size <= this.#proved) {
      this.#hint = undefined;
      return true;
    }
    this.#proved = probe.size;
    this.#size = probe.size;
    this.#floorAt = undefined;
    this.#state = 'searching';
    return true;
  }

  /** True when it was believed enough to probe at once (protocol.md N6). */
  handleTooBig({ mtu, liveIndex, sentAt }: TooBig, now: Millis): boolean {
    if (!liveIndex || sentAt === undefined || now - sentAt >= TOO_BIG_AGE_MS) return false;
    if (mtu < MTU_MIN || mtu >= this.#tooLarge) return false;
    this.#hint = mtu;
    this.#confirmNow = true;
    return true;
  }

  /** Traffic goes elsewhere: what was asked says nothing any more. */
  pause(): void {
    this.#probe = undefined;
  }

  /** Another network: what was measured holds no more. */
  restart(now: Millis): void {
    this.#size = this.#most;
    this.#proved = MTU_MIN;
    this.#floorAt = undefined;
    this.#tooLarge = this.#most + 1;
    this.#state = 'assumed';
    this.#probe = undefined;
    this.#confirmedAt = now;
    this.#raiseAt = now;
    this.#hint = undefined;
    this.#confirmNow = false;
  }

  /** The probe to be sent now, if any. */
  tick(now: Millis): MtuProbe | undefined {
    if (this.#floorAt !== undefined && now >= this.#floorAt) this.#fall();
    if (this.#probe) return this.#step(this.#probe, now);
    const size = this.#wanted(now);
    if (size === undefined) return undefined;
    const [token, shortToken] = [this.#random(8), this.#random(8)];
    const counts = { shortAnswered: false, lost: 0, lostWithAll: 0 };
    this.#probe = { size, token, shortToken, sentAt: undefined, nextAt: now, ...counts };
    return this.#step(this.#probe, now);
  }

  #step(probe: SizeProbe, now: Millis): MtuProbe | undefined {
    if (now < probe.nextAt) return undefined;
    if (probe.sentAt !== undefined) {
      // a path that carries nothing at all says nothing of sizes: the path agent decides what becomes of it
      if (probe.shortAnswered) probe.lost++;
      else probe.lostWithAll++;
    }
    if (probe.lost >= MTU_PROBES) {
      this.#lost(probe.size, now);
      return this.tick(now);
    }
    probe.sentAt = now;
    probe.shortAnswered = false;
    probe.nextAt = millis(now + this.#patience() * 2 ** Math.min(6, probe.lostWithAll));
    return probe;
  }

  /** The size in use, or a larger one? */
  #lost(size: number, now: Millis): void {
    this.#probe = undefined;
    this.#tooLarge = size;
    if (size > this.#size) return;
    this.#proved = MTU_MIN;
    this.#state = size === MTU_MIN ? 'complete' : 'base';
    // senders keep for minutes what they are told: a moment for the next size, which is usually answered
    this.#floorAt = millis(now + this.#patience());
    this.#confirmedAt = now;
    this.#raiseAt = millis(now + MTU_RAISE_MS);
  }

  #patience(): number {
    return Math.max(MTU_PROBE_MS, 3 * this.#rtt);
  }

  #fall(): void {
    this.#size = this.#proved;
    this.#floorAt = undefined;
  }

  #wanted(now: Millis): number | undefined {
    const inUse = this.#lastLargeAt !== undefined && now - this.#lastLargeAt < MTU_IN_USE_MS;
    if (this.#state === 'assumed' && !inUse) return undefined;
    if (this.#state === 'assumed' || this.#confirmNow || (inUse && now - this.#confirmedAt >= MTU_CONFIRM_MS)) {
      this.#confirmNow = false;
      this.#confirmedAt = now;
      return this.#size;
    }
    if (this.#state === 'complete') {
      if (!inUse || now < this.#raiseAt) return undefined;
      this.#tooLarge = this.#most + 1;
    }
    const next = this.#larger();
    if (next === undefined && this.#floorAt !== undefined) this.#fall();
    this.#state = next === undefined ? 'complete' : 'searching';
    if (next === undefined) this.#raiseAt = millis(now + MTU_RAISE_MS);
    return next;
  }

  /** What a router named first, then sizes that are common, then the middle. */
  #larger(): number | undefined {
    const [least, below] = [this.#proved, this.#tooLarge];
    const hint = this.#hint;
    this.#hint = undefined;
    if (hint !== undefined && hint > least && hint < below) return hint;
    if (below - least <= 1) return undefined;
    const most = this.#most > least && this.#most < below ? this.#most : undefined;
    const common = MTU_COMMON.filter((size) => size > least && size < below);
    // usual links first: most paths are 1,500, and one probe tells
    if (common.includes(1_500)) return 1_500;
    // while nothing is proved, the one that most paths carry; then downwards from what the interface needs
    const [smallest] = common;
    if (least === MTU_MIN && smallest !== undefined) return smallest;
    if (most !== undefined) return most;
    const largest = common.at(-1);
    if (largest !== undefined) return largest;
    return below - least <= MTU_STEP ? undefined : Math.floor((least + below) / 2);
  }
}

function sameToken(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, at) => byte === b[at]);
}
