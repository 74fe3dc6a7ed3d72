import type { UnixSeconds } from '../base/brands.ts';
import type { VerifiedGroup } from '../crypto/bundle-verify.ts';
import { type CaVerifyFault, verifyCaPart } from '../crypto/credential.ts';
import type { GroupKeys } from '../crypto/group-key.ts';
import type { KeyRing } from '../crypto/key-ring.ts';
import type { KeyClock, RingEffect, VersionTerms } from '../crypto/key-states.ts';
import type { CryptoProvider } from '../crypto/provider.ts';
import { lastRemoveAt, type Roster, type RosterFault, verifyRoster } from '../crypto/roster.ts';
import type { CachedKeys, CachedVersion } from './cached-keys.ts';

/** Kept keys whose certificate and rosters hold together. */
export interface ResumedKeys extends Omit<CachedKeys, 'groups'> {
  readonly groups: readonly ResumedGroup[];
}

interface ResumedGroup extends Pick<VerifiedGroup, 'roster' | 'bundled' | 'retain'> {
  readonly stopped: boolean;
  readonly versions: readonly CachedVersion[];
}

export type ResumeFault = `cache-certificate-${CaVerifyFault}` | 'cache-node-key' | `cache-roster-${RosterFault}`;

/** Checks what was kept as if it came from afar: `edPublic` is the key that this node has. */
export function verifyCachedKeys(
  provider: CryptoProvider,
  cached: CachedKeys,
  edPublic: Uint8Array,
  now: UnixSeconds,
): ResumedKeys | ResumeFault {
  const caPart = verifyCaPart(provider, cached.facts.caPart, [cached.facts.ca], now);
  if (typeof caPart === 'string') return `cache-certificate-${caPart}`;
  if (!caPart.edPk.every((byte, i) => byte === edPublic[i])) return 'cache-node-key';
  const groups: ResumedGroup[] = [];
  for (const { id, chain, ...group } of cached.groups) {
    const roster = verifyRoster(provider, chain, id);
    if (typeof roster === 'string') return `cache-roster-${roster}`;
    groups.push({ ...group, roster });
  }
  return { ...cached, groups };
}

/** What is said of versions beside their keys. */
export function termsOf(versions: readonly VersionTerms[]): Map<number, VersionTerms> {
  return new Map(
    versions.map(({ v, r, activateAt, notAfter, reason, rosterSeq, rosterHead }) => [
      v,
      { v, r, activateAt, notAfter, reason, rosterSeq, rosterHead },
    ]),
  );
}

/** The versions of a ring as they are kept, oldest first; a group that was stopped keeps none. */
export function cachedVersions(ring: KeyRing, terms: Map<number, VersionTerms>): CachedVersion[] {
  if (ring.stopped) return [];
  for (const v of terms.keys()) if (ring.find(v) === undefined) terms.delete(v);
  return ring
    .versions()
    .toReversed()
    .flatMap(({ v, state }): CachedVersion[] => {
      const [said, keys] = [terms.get(v), ring.keys(v)];
      if (!said || !keys) return [];
      return [{ ...said, tagsOnly: state === 'tagonly', keys: filled(keys) }];
    });
}

/** Gives a new ring what was kept; which version is CURRENT again, the ring says by what was persisted (V1). */
export function resumeRing(
  ring: KeyRing,
  roster: Roster,
  versions: readonly CachedVersion[],
  now: KeyClock,
): readonly RingEffect[] {
  return versions.flatMap(({ keys, tagsOnly, ...said }) => {
    const terms = { ...said, lastRemove: lastRemoveAt(roster, said.rosterSeq) };
    return ring.add(tagsOnly ? { ...terms, retired: 'removal' } : terms, keys, now);
  });
}

function filled(keys: Partial<GroupKeys>): GroupKeys {
  const { kTag = NONE, kPsk = NONE, kStale = NONE, kDde = NONE, kChat = NONE, kMbox = NONE, kMc = NONE } = keys;
  return { kTag, kPsk, kStale, kDde, kChat, kMbox, kMc };
}

const NONE = new Uint8Array(32);
