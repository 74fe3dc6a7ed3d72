import { type GroupId, groupId } from '../base/brands.ts';
import { ByteWriter } from '../base/byte-writer.ts';
import { concat, fromHex, isZero, toHex, utf8, wipe } from '../base/bytes.ts';
import { CRYPTO_LABEL, GROUP_KEY_LABEL } from './labels.ts';
import { type CryptoProvider, LENGTH, requireLength } from './provider.ts';

/** The children of one version of a group key, 32 bytes each (protocol.md 9.1). */
export interface GroupKeys {
  readonly kTag: Uint8Array;
  readonly kPsk: Uint8Array;
  readonly kStale: Uint8Array;
  readonly kDde: Uint8Array;
  readonly kChat: Uint8Array;
  readonly kMbox: Uint8Array;
  readonly kMc: Uint8Array;
}

/** The children that the domain group D has: none of them admits anybody to traffic (protocol.md 1.1 D6). */
export type DomainKeys = Pick<GroupKeys, 'kDde' | 'kTag' | 'kStale'>;

/** Both parts of a group key and what they are bound to. */
export interface GroupKeyParts {
  readonly groupId: GroupId;
  readonly name: string;
  readonly r: number;
  readonly v: number;
  /** made by members, 32 bytes */
  readonly rn1: Uint8Array;
  /** made by the GMS or the offline authority, 32 bytes */
  readonly rn2: Uint8Array;
}

/**
 * GK = h[RN1|RN2|GroupName], as HKDF with ids and versions bound. PRK is wiped here; rn2 is the caller's to wipe.
 * Throws RangeError for RN1 = 0³², which marks the domain group and is no traffic group (protocol.md 9.1).
 */
export function deriveGroupKeys(provider: CryptoProvider, parts: GroupKeyParts): GroupKeys {
  if (isZero(parts.rn1)) throw new RangeError('the domain group is no traffic group');
  return derive(provider, parts);
}

/** The keys of the domain group: RN1 = 0³², so the GMS or authority alone makes them. */
export function deriveDomainKeys(
  provider: CryptoProvider,
  parts: Pick<GroupKeyParts, 'groupId' | 'v' | 'rn2'>,
): DomainKeys {
  const rn1 = new Uint8Array(LENGTH.key);
  const { kDde, kTag, kStale, ...unused } = derive(provider, { ...parts, name: '', r: 0, rn1 });
  wipe(...Object.values(unused));
  return { kDde, kTag, kStale };
}

/** The id of the domain group of a network, which has no roster: from the CA's key. */
export function domainGroupId(provider: CryptoProvider, caPk: Uint8Array): GroupId {
  return groupId(toHex(provider.sha256(concat(utf8(CRYPTO_LABEL.domain), caPk)).subarray(0, 16)));
}

/** RN1 of the next epoch at a join: computed by each member alone (protocol.md 9.1). */
export function ratchetRn1(provider: CryptoProvider, rn1: Uint8Array, group: GroupId, nextR: number): Uint8Array {
  const info = concat(utf8(CRYPTO_LABEL.rn1Ratchet), fromHex(group), new ByteWriter(4).u32(nextR).finish());
  return provider.hkdfExpand(rn1, info, LENGTH.key);
}

function derive(provider: CryptoProvider, { groupId: id, name, r, v, rn1, rn2 }: GroupKeyParts): GroupKeys {
  requireLength(rn1, LENGTH.key, 'RN1');
  requireLength(rn2, LENGTH.key, 'RN2');
  const nfc = utf8(name.normalize('NFC'));
  const bound = new ByteWriter(2 + nfc.length + 8).u16(nfc.length).raw(nfc).u32(r).u32(v).finish();
  const salt = provider.sha256(concat(utf8(CRYPTO_LABEL.groupKey), fromHex(id), bound));
  const ikm = concat(rn1, rn2);
  const prk = provider.hkdfExtract(salt, ikm);
  const child = (label: string) => provider.hkdfExpand(prk, utf8(label), LENGTH.key);
  const keys: GroupKeys = {
    kTag: child(GROUP_KEY_LABEL.kTag),
    kPsk: child(GROUP_KEY_LABEL.kPsk),
    kStale: child(GROUP_KEY_LABEL.kStale),
    kDde: child(GROUP_KEY_LABEL.kDde),
    kChat: child(GROUP_KEY_LABEL.kChat),
    kMbox: child(GROUP_KEY_LABEL.kMbox),
    kMc: child(GROUP_KEY_LABEL.kMc),
  };
  wipe(prk, ikm);
  return keys;
}
