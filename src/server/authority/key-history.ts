import { type KeyVersion, keyVersion, type UnixSeconds } from '../../base/brands.ts';
import type { AuthorityTools, KeyEpoch, KeyHistory, RollReason } from './state.ts';

/** So many newest versions are kept: as many as a node keeps (protocol.md 10.1). */
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
  return { ...history, versions: [...history.versions, epoch].slice(-KEPT) };
}

function followingVersion(history: Pick<KeyHistory, 'versions'>): KeyVersion {
  return keyVersion((history.versions.at(-1)?.v ?? 0) + 1);
}
