import { type KeyVersion, keyVersion, type Millis, millis, type UnixSeconds } from '../base/brands.ts';
import { wipe } from '../base/bytes.ts';
import type { GroupKeys } from './group-key.ts';
import {
  emptyRing,
  KEY_TIMES,
  type KeyClock,
  type RingEffect,
  type RingInput,
  type RingPolicy,
  type RingState,
  stepRing,
  type VersionRecord,
  type VersionState,
  type VersionTerms,
} from './key-states.ts';

/** One version with the keys that are left of it. */
export interface HeldVersion {
  readonly r: number;
  readonly v: KeyVersion;
  readonly state: VersionState;
  readonly kTag: Uint8Array;
  readonly kStale: Uint8Array;
  /** Absent once erased. */
  readonly kPsk: Uint8Array | undefined;
  readonly rosterSeq: number;
  readonly rosterHead: Uint8Array;
  readonly activateAt: UnixSeconds;
  /** The lease; 2^32 − 1 where there is none. */
  readonly notAfter: UnixSeconds;
  readonly retired: VersionRecord['retired'];
}

/** The keys of one group on this node: states by `stepRing`, and the key bytes that they leave (protocol.md 10.1). */
export class KeyRing {
  readonly #keys = new Map<number, Partial<GroupKeys> & Pick<GroupKeys, 'kTag' | 'kStale'>>();
  #state: RingState;
  #views: readonly HeldVersion[] | undefined;

  /** `persisted`, `stopped`: what an earlier run of this node reached; it binds this one (protocol.md 9.3, 10.5 V1). */
  constructor(policy: RingPolicy, persisted?: Pick<RingState, 'highestCurrent' | 'removalFloor'>, stopped = false) {
    this.#state = { ...emptyRing(policy, persisted), stopped };
  }

  /** Takes a version of a verified bundle. The keys belong to the ring from here on, which wipes what it does not keep. */
  add(terms: VersionTerms, keys: GroupKeys, now: KeyClock): readonly RingEffect[] {
    const held = this.#keys.get(terms.v);
    if (held === undefined) this.#keys.set(terms.v, keys);
    else wipe(...Object.values(keys));
    const effects = this.#step({ type: 'version', terms }, now);
    if (this.find(terms.v)?.state === 'tagonly') this.#keepTags(terms.v);
    return effects;
  }

  handle(input: Exclude<RingInput, { type: 'version' }>, now: KeyClock): readonly RingEffect[] {
    return this.#step(input, now);
  }

  /** Newest first. */
  versions(): readonly HeldVersion[] {
    this.#views ??= this.#state.versions.map((record) => this.#view(record));
    return this.#views;
  }

  find(v: number): HeldVersion | undefined {
    return this.versions().find((version) => version.v === v);
  }

  /** The one version that may be sent under, if any. */
  current(): HeldVersion | undefined {
    return this.versions().find(({ state }) => state === 'current');
  }

  /** The children of a version for chat, mailbox and multicast; absent once erased. */
  keys(v: number): Partial<GroupKeys> | undefined {
    return this.#keys.get(v);
  }

  /** To be persisted before anything is sent under a new CURRENT. */
  get persistent(): Pick<RingState, 'highestCurrent' | 'removalFloor'> {
    const { highestCurrent, removalFloor } = this.#state;
    return { highestCurrent, removalFloor };
  }

  /** Proof of two rosters for one version was seen: nobody is admitted. */
  get stopped(): boolean {
    return this.#state.stopped;
  }

  get retainFlow(): boolean {
    return this.#state.policy.retain === 'flow';
  }

  /** When a tick is next of use. */
  nextDeadline(now: KeyClock): Millis | undefined {
    const times = this.#state.versions.flatMap(({ state, activateAt, retired }) => {
      if (state === 'next' && activateAt > 0) return [now.monotonic + 1000 * Math.max(0, activateAt - now.corrected)];
      if (state !== 'retired' || retired === undefined) return [];
      return [Math.max(now.monotonic + 1000, retired.at + KEY_TIMES.grace)];
    });
    return times.length === 0 ? undefined : millis(Math.min(...times));
  }

  /** Overwrites every key; the ring is empty afterwards. */
  wipe(): void {
    for (const v of [...this.#keys.keys()]) this.#forget(v);
    this.#state = { ...this.#state, versions: [] };
    this.#views = undefined;
  }

  #step(input: RingInput, now: KeyClock): readonly RingEffect[] {
    const { state, effects } = stepRing(this.#state, input, now);
    this.#state = state;
    this.#views = undefined;
    for (const effect of effects) {
      if (effect.type === 'tagonly') this.#keepTags(effect.v);
      if (effect.type === 'gone') this.#forget(effect.v);
    }
    return effects;
  }

  #keepTags(v: number): void {
    const { kTag, kStale, ...others } = this.#keys.get(v) ?? {};
    if (kTag === undefined || kStale === undefined) return;
    wipe(...Object.values(others));
    this.#keys.set(v, { kTag, kStale });
    this.#views = undefined;
  }

  #forget(v: number): void {
    wipe(...Object.values(this.#keys.get(v) ?? {}));
    this.#keys.delete(v);
  }

  #view({ r, v, state, activateAt, notAfter, rosterSeq, rosterHead, retired }: VersionRecord): HeldVersion {
    const keys = this.#keys.get(v);
    if (keys === undefined) throw new Error(`key ring: version ${v} without keys`);
    const { kTag, kStale, kPsk } = keys;
    const version = keyVersion(v);
    return { r, v: version, state, kTag, kStale, kPsk, rosterSeq, rosterHead, activateAt, notAfter, retired };
  }
}
