import { type Millis, millis } from '../base/brands.ts';
import { INNER_MTU_FLOOR, OVERHEAD, TOO_BIG_AGE_MS } from './constants.ts';
import {
  MTU_COMMON,
  MTU_CONFIRM_MS,
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

/** Send a PATH-CHALLENGE inside the SA, padded so that the outer IP packet has `size` bytes; its token names the probe. */
export interface MtuProbe {
  readonly size: number;
  readonly token: Uint8Array;
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

interface SizeProbe {
  readonly size: number;
  readonly token: Uint8Array;
  /** when it was last sent; undefined before */
  sentAt: Millis | undefined;
  nextAt: Millis;
  /** of its sendings: lost although the path carried something afterwards, and lost with everything else */
  lost: number;
  lostWithAll: number;
}

/**
 * Path MTU of one path, after RFC 8899 (protocol.md 6.5). All sizes are of outer IP packets, between 1,200 and 9,000.
 *
 *   base ──a probe answered──► searching ──nothing larger is left──► complete ──10 min──► searching
 *     ▲                             │                                    │
 *     └──────── the size in use was lost three times while the path answered ◄┘
 *
 * A size is used once a probe of it was answered, and given up only when probes of it were lost although the path carried
 * other datagrams meanwhile: that is a black hole. ICMP changes nothing by itself; it makes the next probe leave now.
 */
export class MtuSearch {
  readonly #random: (length: number) => Uint8Array;
  readonly #most: number;
  #size = MTU_MIN;
  /** smallest size known not to pass */
  #tooLarge: number;
  #state: 'base' | 'searching' | 'complete' = 'base';
  #probe: SizeProbe | undefined;
  #lastLargeAt: Millis | undefined;
  #confirmedAt: Millis;
  #raiseAt: Millis;
  #heardAt: Millis | undefined;
  #hint: number | undefined;
  #confirmNow = false;

  /** `linkMtu`: of the interface that datagrams leave by; nothing larger is tried. */
  constructor(random: (length: number) => Uint8Array, linkMtu: number, now: Millis) {
    this.#random = random;
    this.#most = Math.max(MTU_MIN, Math.min(MTU_MAX, linkMtu));
    this.#tooLarge = this.#most + 1;
    this.#confirmedAt = now;
    this.#raiseAt = now;
  }

  /** Largest outer packet that is known to pass. */
  get size(): number {
    return this.#size;
  }

  get state(): 'base' | 'searching' | 'complete' {
    return this.#state;
  }

  /** The inner MTU to use now; `tooSmall` when the path has been measured and does not carry the floor. */
  usable(shape: PathShape): { readonly mtu: number; readonly tooSmall: boolean } {
    const mtu = innerMtu(this.#size, shape);
    return { mtu: Math.max(INNER_MTU_FLOOR, mtu), tooSmall: this.#state === 'complete' && mtu < INNER_MTU_FLOOR };
  }

  /** The path carried something of the peer's: a lost probe is then lost for its size. */
  handleHeard(now: Millis): void {
    this.#heardAt = now;
  }

  /** Large datagrams leave: the size in use is confirmed now and then. */
  handleLargeSent(now: Millis): void {
    this.#lastLargeAt = now;
  }

  /** PATH-RESPONSE; true when it answered a probe of this search and the size changed. */
  handleResponse(token: Uint8Array, now: Millis): boolean {
    const probe = this.#probe;
    if (!probe || !sameToken(probe.token, token)) return false;
    this.#probe = undefined;
    this.#heardAt = now;
    this.#confirmedAt = now;
    if (probe.size <= this.#size) {
      this.#hint = undefined;
      return false;
    }
    this.#size = probe.size;
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

  /** Another kind of path, or another network: what was measured holds no more. */
  restart(now: Millis): void {
    this.#size = MTU_MIN;
    this.#tooLarge = this.#most + 1;
    this.#state = 'base';
    this.#probe = undefined;
    this.#confirmedAt = now;
    this.#raiseAt = now;
    this.#hint = undefined;
    this.#confirmNow = false;
  }

  nextDeadline(now: Millis): Millis | undefined {
    if (this.#probe) return this.#probe.nextAt;
    if (this.#confirmNow || this.#state !== 'complete') return now;
    return this.#lastLargeAt === undefined ? undefined : millis(this.#confirmedAt + MTU_CONFIRM_MS);
  }

  /** `rtt`: milliseconds, of this path. The probe to be sent now, if any. */
  tick(rtt: number, now: Millis): MtuProbe | undefined {
    if (this.#probe) return this.#step(this.#probe, rtt, now);
    const size = this.#wanted(now);
    if (size === undefined) return undefined;
    this.#probe = { size, token: this.#random(8), sentAt: undefined, nextAt: now, lost: 0, lostWithAll: 0 };
    return this.#step(this.#probe, rtt, now);
  }

  #step(probe: SizeProbe, rtt: number, now: Millis): MtuProbe | undefined {
    if (now < probe.nextAt) return undefined;
    if (probe.sentAt !== undefined) {
      // a path that carries nothing at all says nothing of sizes: the path agent decides what becomes of it
      if (this.#heardAt !== undefined && this.#heardAt > probe.sentAt) probe.lost++;
      else probe.lostWithAll++;
    }
    if (probe.lost >= MTU_PROBES) {
      this.#lost(probe.size, now);
      return undefined;
    }
    probe.sentAt = now;
    probe.nextAt = millis(now + Math.max(MTU_PROBE_MS, 3 * rtt) * 2 ** Math.min(6, probe.lostWithAll));
    return { size: probe.size, token: probe.token };
  }

  /** The size in use, or a larger one? */
  #lost(size: number, now: Millis): void {
    this.#probe = undefined;
    this.#tooLarge = size;
    if (size > this.#size) return;
    this.#size = MTU_MIN;
    this.#state = size === MTU_MIN ? 'complete' : 'base';
    this.#confirmedAt = now;
    this.#raiseAt = millis(now + MTU_RAISE_MS);
  }

  #wanted(now: Millis): number | undefined {
    const inUse = this.#lastLargeAt !== undefined && now - this.#lastLargeAt < MTU_CONFIRM_MS;
    if (this.#confirmNow || (inUse && now - this.#confirmedAt >= MTU_CONFIRM_MS)) {
      this.#confirmNow = false;
      this.#confirmedAt = now;
      return this.#size;
    }
    if (this.#state === 'complete') {
      if (!inUse || now < this.#raiseAt) return undefined;
      this.#tooLarge = this.#most + 1;
    }
    const next = this.#larger();
    this.#state = next === undefined ? 'complete' : 'searching';
    if (next === undefined) this.#raiseAt = millis(now + MTU_RAISE_MS);
    return next;
  }

  /** What a router named first, then sizes that are common, then the middle. */
  #larger(): number | undefined {
    const [least, below] = [this.#size, this.#tooLarge];
    const hint = this.#hint;
    this.#hint = undefined;
    if (hint !== undefined && hint > least && hint < below) return hint;
    if (below - least <= 1) return undefined;
    const most = this.#most > least && this.#most < below ? this.#most : undefined;
    const common = MTU_COMMON.filter((size) => size > least && size < below);
    // usual links first: most paths are 1,500, and one probe tells
    if (common.includes(1_500)) return 1_500;
    if (most !== undefined) return most;
    const largest = common.at(-1);
    if (largest !== undefined) return largest;
    return below - least <= MTU_STEP ? undefined : Math.floor((least + below) / 2);
  }
}

function sameToken(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, at) => byte === b[at]);
}
