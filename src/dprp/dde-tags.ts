import { concat, toHex, utf8 } from '../base/bytes.ts';
import type { CryptoProvider } from '../crypto/provider.ts';
import { LABEL, SLOT_BYTES, SLOTS } from './constants.ts';
import type { SlotPreference } from './dde-box.ts';
import type { GroupVersion, GroupView } from './negotiation-deps.ts';

/** What a used slot of a DDE stands for, as its sender knows it. */
export interface ListedTag {
  readonly group: GroupView;
  readonly version: GroupVersion;
  readonly preference: SlotPreference;
}

/** A group as it is listed: the version to talk under, and the one before, if its tag is still held. */
export interface ListedGroup {
  readonly group: GroupView;
  readonly current: GroupVersion;
  readonly previous: GroupVersion | undefined;
}

/** The 8 bytes by which the holders of one version recognise each other in one DDE (protocol.md 2.2). */
export function slotTag(provider: CryptoProvider, kTag: Uint8Array, ephemeral: Uint8Array): Uint8Array {
  return provider.hmac(kTag, concat(utf8(LABEL.slot), ephemeral)).slice(0, SLOT_BYTES);
}

/** Sixteen tags in random places, the others random: the places tell nothing, the box says which ones count. */
export function fillSlots(
  provider: CryptoProvider,
  random: (length: number) => Uint8Array,
  ephemeral: Uint8Array,
  listed: readonly ListedGroup[],
): { readonly slots: Uint8Array; readonly tags: readonly (ListedTag | null)[] } {
  const places = shuffledPlaces(random);
  const slots = random(SLOTS * SLOT_BYTES).slice();
  const tags: (ListedTag | null)[] = Array.from({ length: SLOTS }, () => null);
  let used = 0;
  const put = (group: GroupView, version: GroupVersion, preference: SlotPreference) => {
    const place = places[used++];
    slots.set(slotTag(provider, version.kTag, ephemeral), place * SLOT_BYTES);
    tags[place] = { group, version, preference };
  };
  for (const [rank, { group, current, previous }] of listed.entries()) {
    put(group, current, { rank, previous: false });
    if (previous) put(group, previous, { rank, previous: true });
  }
  return { slots, tags };
}

/** The tags of a received DDE, by their hex digits; only slots that the box calls used. */
export function usedSlots(slots: Uint8Array, preference: readonly (SlotPreference | null)[]): Map<string, number> {
  const bySpelling = new Map<string, number>();
  for (let slot = 0; slot < SLOTS; slot++)
    if (preference[slot]) bySpelling.set(toHex(slots.subarray(slot * SLOT_BYTES, (slot + 1) * SLOT_BYTES)), slot);
  return bySpelling;
}

/** A uniformly random order of 0 … 15. */
function shuffledPlaces(random: (length: number) => Uint8Array): number[] {
  const places = Array.from({ length: SLOTS }, (_, i) => i);
  for (let last = SLOTS - 1; last > 0; last--) {
    const pick = below(random, last + 1);
    [places[last], places[pick]] = [places[pick], places[last]];
  }
  return places;
}

/** Uniform below `limit` ≤ 256: bytes that would favour small numbers are thrown away. */
function below(random: (length: number) => Uint8Array, limit: number): number {
  const usable = 256 - (256 % limit);
  for (let tries = 0; tries < 128; tries++) {
    const [byte] = random(1);
    if (byte < usable) return byte % limit;
  }
  return 0;
}
