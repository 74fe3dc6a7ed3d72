import { BoundedMap } from '../base/bounded-map.ts';
import type { Millis, SaIndex } from '../base/brands.ts';
import { toHex, wipe } from '../base/bytes.ts';
import type { Cid } from '../base/cid.ts';
import type { PathAddress } from '../base/path-address.ts';
import { REPEAT_MS, type SideName } from './constants.ts';
import type { HopActionBox } from './hop-action.ts';
import { type HopBinding, hintOf } from './hop-box.ts';
import { HOP_NEGOTIATIONS_MAX } from './tuning.ts';

/** A DDE that an on-path element opened and sent on. */
export interface PassedDde {
  readonly start: PathAddress;
  readonly end: PathAddress;
  readonly indexStart: SaIndex;
  /** the flow that it asks for */
  readonly cid: Cid;
  /** H(DDE) */
  readonly hash: Uint8Array;
  readonly eI: Uint8Array;
  /** this element's place: 1 stands next to I */
  readonly place: number;
  readonly side: SideName;
  readonly matchedSlots: number;
  readonly at: Millis;
  /** H(RGI core) of the answers that got a record, in hex */
  readonly answers: ReadonlySet<string>;
}

/** An RGI that got this element's record, and what came after it. */
export interface HopNegotiation {
  readonly binding: HopBinding;
  readonly cid: Cid;
  /** as sent; repeated byte for byte (H6) */
  readonly record: Uint8Array;
  /** e_G·e_I and e_G·e_R */
  readonly sharedStart: Uint8Array;
  readonly sharedEnd: Uint8Array;
  readonly indexStart: SaIndex;
  readonly indexEnd: SaIndex;
  readonly side: SideName;
  /** where its RGI passed: one DDE may take several ways through this element */
  readonly routes: readonly HopRoute[];
  readonly at: Millis;
  readonly action: HopActionBox | null;
  readonly confirmation: HopActionBox | null;
  /** the way of the CDN that brought the confirmation */
  readonly confirmed: HopRoute | null;
  readonly installed: boolean;
}

/** The addresses of the two ends, as seen here. */
export interface HopRoute {
  readonly start: PathAddress;
  readonly end: PathAddress;
}

/** Whether a negotiation's RGI has passed this way. */
export function tookRoute({ routes }: HopNegotiation, start: PathAddress, end: PathAddress): boolean {
  return routes.some((route) => route.start === start && route.end === end);
}

/** Both tables of an on-path element: bounded in number, 20 s in time (protocol.md 2.3). */
export class HopState {
  readonly #passed = new BoundedMap<string, PassedDde>(HOP_NEGOTIATIONS_MAX);
  readonly #negotiations = new Map<string, HopNegotiation>();
  readonly #byHint = new Map<string, string>();

  passed(start: PathAddress, end: PathAddress, indexStart: SaIndex): PassedDde | undefined {
    return this.#passed.get(passedKey(start, end, indexStart));
  }

  /** Remembers a DDE anew: the latest one of these addresses and this index counts. */
  putPassed(dde: PassedDde): void {
    this.#passed.set(passedKey(dde.start, dde.end, dde.indexStart), dde);
  }

  /** By (H(DDE), H(RGI core)). */
  negotiation(dde: Uint8Array, rgi: Uint8Array): HopNegotiation | undefined {
    return this.#negotiations.get(negotiationKey(dde, rgi));
  }

  /** By e_G[0..8], as MPIT and CDN name this element. */
  byHint(hint: Uint8Array): HopNegotiation | undefined {
    const key = this.#byHint.get(toHex(hint));
    return key === undefined ? undefined : this.#negotiations.get(key);
  }

  /** Adds or replaces a negotiation. */
  put(negotiation: HopNegotiation): void {
    const { dde, rgi, eG } = negotiation.binding;
    const key = negotiationKey(dde, rgi);
    this.#negotiations.set(key, negotiation);
    this.#byHint.set(toHex(hintOf(eG)), key);
    for (const [oldest, held] of this.#negotiations) {
      if (this.#negotiations.size <= HOP_NEGOTIATIONS_MAX) break;
      this.#forget(oldest, held);
    }
  }

  /** Negotiations whose orders are complete but for a certificate. */
  waiting(): HopNegotiation[] {
    return [...this.#negotiations.values()].filter(
      ({ action, confirmation, installed }) => action !== null && confirmation !== null && !installed,
    );
  }

  expire(now: Millis): void {
    for (const [key, { at }] of this.#passed) if (now - at >= REPEAT_MS) this.#passed.delete(key);
    for (const [key, held] of this.#negotiations) if (now - held.at >= REPEAT_MS) this.#forget(key, held);
  }

  #forget(key: string, { binding, sharedStart, sharedEnd }: HopNegotiation): void {
    this.#negotiations.delete(key);
    this.#byHint.delete(toHex(hintOf(binding.eG)));
    wipe(sharedStart, sharedEnd);
  }
}

function passedKey(start: PathAddress, end: PathAddress, index: SaIndex): string {
  return `${start} ${end} ${index}`;
}

function negotiationKey(dde: Uint8Array, rgi: Uint8Array): string {
  return `${toHex(dde)} ${toHex(rgi)}`;
}
