import { type GroupId, groupId } from '../base/brands.ts';
import { concat, fromHex, toHex, utf8, wipe } from '../base/bytes.ts';
import { cborMap, encodeCbor } from '../base/cbor.ts';
import { decodeCbor } from '../base/cbor-decode.ts';
import { asBytes, asMap, asText } from '../base/cbor-fields.ts';
import { deriveGroupKeys, type GroupKeys } from './group-key.ts';
import { CRYPTO_LABEL } from './labels.ts';
import { type CryptoProvider, requireLength } from './provider.ts';

/*
 * A group key that was entered by hand, as a node keeps it: one CBOR map
 *
 *   { schema: 1, name, groupId 16, v: 1, kTag … kMc 32 each }
 *
 * Such a group has no roster, so it admits nobody to unicast traffic (protocol.md 0).
 */

export interface EnteredGroup {
  readonly groupId: GroupId;
  readonly name: string;
  readonly keys: GroupKeys;
}

const SCHEMA = 1;
const VERSION = 1;
const LIMITS = { bytes: 2_048, depth: 2 } as const;

/** The group that everybody has who enters the same code under the same name. `secret` stays the caller's to wipe. */
export function enteredGroup(provider: CryptoProvider, name: string, secret: Uint8Array): EnteredGroup {
  requireLength(secret, 16, 'secret of a key code');
  const nfc = name.normalize('NFC');
  const prk = provider.hkdfExtract(utf8(CRYPTO_LABEL.codeKey), secret);
  const part = (label: string) => provider.hkdfExpand(prk, concat(utf8(label), utf8(nfc)), 32);
  const [id, rn1, rn2] = [
    groupId(toHex(part(CRYPTO_LABEL.codeId).subarray(0, 16))),
    part(CRYPTO_LABEL.codeRn1),
    part(CRYPTO_LABEL.codeRn2),
  ];
  const keys = deriveGroupKeys(provider, { groupId: id, name: nfc, r: 0, v: VERSION, rn1, rn2 });
  wipe(prk, rn1, rn2);
  return { groupId: id, name: nfc, keys };
}

export function encodeKeyFile(group: EnteredGroup): Uint8Array {
  const { groupId: id, name, keys } = group;
  return encodeCbor(cborMap({ schema: SCHEMA, groupId: fromHex(id), name, v: VERSION, ...keys }));
}

/** Reads a key file; anything but exactly such a map is a fault. */
export function decodeKeyFile(
  bytes: Uint8Array,
): EnteredGroup | 'key-file-encoding' | 'key-file-schema' | 'key-file-field' {
  const decoded = decodeCbor(bytes, LIMITS);
  const map = typeof decoded === 'string' ? undefined : asMap(decoded.value);
  if (!map) return 'key-file-encoding';
  if (map.get('schema') !== SCHEMA || map.get('v') !== VERSION) return 'key-file-schema';
  const key = (name: string) => asBytes(map.get(name), 32);
  const [id, name] = [asBytes(map.get('groupId'), 16), asText(map.get('name'))];
  const [kTag, kPsk, kStale, kDde] = [key('kTag'), key('kPsk'), key('kStale'), key('kDde')];
  const [kChat, kMbox, kMc] = [key('kChat'), key('kMbox'), key('kMc')];
  if (!id || !name || !kTag || !kPsk || !kStale || !kDde || !kChat || !kMbox || !kMc || map.size !== 11)
    return 'key-file-field';
  return { groupId: groupId(toHex(id)), name, keys: { kTag, kPsk, kStale, kDde, kChat, kMbox, kMc } };
}
