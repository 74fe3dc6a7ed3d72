import { type KeyVersion, keyVersion, type UnixSeconds } from '../../base/brands.ts';
import type { AuthorityTools, KeyEpoch, KeyHistory, RollReason } from './state.ts';

/** So many newest versions keep their RN2: a bundle names two, and what only waits to be forgotten is no use. */
const KEPT = 8;

/** What a new version says beside its number. */
export interface EpochFacts {
  readonly activateAt: UnixSeconds;
  readonly reason: RollReason;
  readonly rosterSeq: number;
  readonly rosterHead: Uint8Array;
}

/** Adds a version with a fresh RN2 (protocol.md 9.1). */
export function withNewEpoch<T extends Pick<KeyHistory, 'versions'>>(
  tools: AuthorityTools,
  history: T,
  facts: EpochFacts,
): T {
  const epoch: KeyEpoch = { ...facts, v: followingVersion(history), rn2: tools.random(32), madeAt: tools.now };
  const versions = [...history.versions, epoch];
  const kept = versions.map((each, at) => (at < versions.length - KEPT ? { ...each, rn2: undefined } : each));
  return { ...history, versions: kept };
}

function followingVersion(history: Pick<KeyHistory, 'versions'>): KeyVersion {
  return keyVersion((history.versions.at(-1)?.v ?? 0) + 1);
}
