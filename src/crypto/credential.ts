import { type NodeId, nodeId, type UnixSeconds, unixSeconds } from '../base/brands.ts';
import { ByteReader } from '../base/byte-reader.ts';
import { ByteWriter } from '../base/byte-writer.ts';
import { compareBytes, concat, fromHex, isZero, toHex, utf8 } from '../base/bytes.ts';
import { MODE, NODE_TYPE } from '../base/datagram-kinds.ts';
import { type AddressPrefix, decodePrefix, encodePrefix, PREFIX_SIZE, prefixCovers } from './address-prefix.ts';
import { CRYPTO_LABEL } from './labels.ts';
import { type CryptoProvider, LENGTH, requireLength } from './provider.ts';

/*
 * Identity on the wire (protocol.md 1.3). cred = CA part ‖ key part = 268 bytes.
 *
 *   CA part   0 ver 1 · type 1 · mode 1 · flags 1 | 4 node_id 16 | 20 ed_pk 32 | 52 vip6 16 | 68 vip4 4
 *            72 not_before 4 · not_after 4 | 80 serial 8 | 88 issuer 8 | 96 route count 1 | 97 route 17 · route 17
 *           131 zeros 5 | 136 sig 64                                                                     = 200
 *   key part  0 not_after 4 | 4 sig 64                                                                   = 68
 *
 * The CA signs "gscip1 ca" ‖ bytes 0 to 135; the node "gscip1 x" ‖ node_id ‖ x_pk ‖ not_after. x_pk itself travels as
 * Noise's `s`. A route is prefix length 1 · address 16; an IPv4 /n counts as 96 + n. An absent vip is all zero.
 */

export const CREDENTIAL_SIZE = { caPart: 200, keyPart: 68, credential: 268 } as const;
/** Where the CA's signature starts: all before it is signed. */
const SIGNED = 136;
const VERSION = 1;
const FLAG_MORE_ROUTES = 0x01;
const MAX_ROUTES = 2;

/** A key part may name an end at most this far ahead (seconds). */
export const KEY_PART_MAX_LIFE = 7 * 86_400;

/** What the CA says about a node. */
export interface CaPart {
  /** one of NODE_TYPE */
  readonly type: number;
  /** one of MODE; with `type` the upper bound of what the node may state in RGI */
  readonly mode: number;
  readonly nodeId: NodeId;
  readonly edPk: Uint8Array;
  /** 16 bytes, or none */
  readonly vip6: Uint8Array | undefined;
  /** 4 bytes, or none */
  readonly vip4: Uint8Array | undefined;
  readonly notBefore: UnixSeconds;
  readonly notAfter: UnixSeconds;
  /** 8 bytes */
  readonly serial: Uint8Array;
  /** 8 bytes: `issuerOf` the CA's key */
  readonly issuer: Uint8Array;
  readonly routes: readonly AddressPrefix[];
  /** The node has more than two routes: the rosters name them (flag bit 0). */
  readonly moreRoutes: boolean;
}

export interface KeyPart {
  readonly notAfter: UnixSeconds;
  readonly signature: Uint8Array;
}

export interface Credential {
  readonly caPart: CaPart;
  readonly keyPart: KeyPart;
}

export type CaPartFault = 'length' | 'version' | 'node-type' | 'mode' | 'flags' | 'validity' | 'route' | 'pad';
export type CaVerifyFault = CaPartFault | 'unknown-issuer' | 'ca-signature' | 'node-id' | 'not-yet-valid' | 'expired';
export type KeyPartFault = 'key-length' | 'key-expired' | 'key-life' | 'key-signature';
export type CredentialFault = CaVerifyFault | KeyPartFault;

/** The id that belongs to an Ed25519 key: it can be claimed by nobody else. */
export function nodeIdOf(provider: CryptoProvider, edPk: Uint8Array): NodeId {
  requireLength(edPk, LENGTH.key, 'ed25519 public key');
  return nodeId(toHex(provider.sha256(concat(utf8(CRYPTO_LABEL.node), edPk)).subarray(0, 16)));
}

/** The 8 bytes by which a CA part names the CA's key. */
export function issuerOf(provider: CryptoProvider, caPk: Uint8Array): Uint8Array {
  return provider.sha256(concat(utf8(CRYPTO_LABEL.issuer), caPk)).slice(0, 8);
}

/** The 200 bytes, signed with the CA's seed; node_id and issuer are computed. Throws RangeError on fields that no decoder takes. */
export function encodeCaPart(
  provider: CryptoProvider,
  part: Omit<CaPart, 'nodeId' | 'issuer'>,
  caSeed: Uint8Array,
): Uint8Array {
  const caPk = provider.ed25519KeyPair(caSeed).publicKey;
  const writer = new ByteWriter(CREDENTIAL_SIZE.caPart)
    .u8(VERSION)
    .u8(part.type)
    .u8(part.mode)
    .u8(part.moreRoutes ? FLAG_MORE_ROUTES : 0)
    .raw(fromHex(nodeIdOf(provider, part.edPk)))
    .raw(part.edPk)
    .raw(part.vip6 ?? new Uint8Array(16))
    .raw(part.vip4 ?? new Uint8Array(4))
    .u32(part.notBefore)
    .u32(part.notAfter)
    .raw(part.serial)
    .raw(issuerOf(provider, caPk))
    .u8(part.routes.length);
  for (const route of part.routes) writer.raw(encodePrefix(route));
  writer.zeros((MAX_ROUTES - part.routes.length) * PREFIX_SIZE + 5);
  writer.raw(provider.ed25519Sign(caSeed, caSigned(writer.bytes)));
  const bytes = writer.finish();
  const decoded = decodeCaPart(bytes);
  if (typeof decoded === 'string') throw new RangeError(`certificate: ${decoded}`);
  return bytes;
}

export function decodeCaPart(bytes: Uint8Array): CaPart | CaPartFault {
  if (bytes.length !== CREDENTIAL_SIZE.caPart) return 'length';
  const reader = new ByteReader(bytes);
  if (reader.u8() !== VERSION) return 'version';
  const [type, mode, flags] = [reader.u8(), reader.u8(), reader.u8()];
  if (type < NODE_TYPE.ges || type > NODE_TYPE.rs) return 'node-type';
  if (mode !== MODE.op && mode !== MODE.cl) return 'mode';
  if ((flags & ~FLAG_MORE_ROUTES) !== 0) return 'flags';
  const id = nodeId(toHex(reader.raw(16)));
  const edPk = reader.raw(32);
  const [vip6, vip4] = [unlessZero(reader.raw(16)), unlessZero(reader.raw(4))];
  const [notBefore, notAfter] = [unixSeconds(reader.u32()), unixSeconds(reader.u32())];
  if (notBefore >= notAfter) return 'validity';
  const [serial, issuer] = [reader.raw(8), reader.raw(8)];
  const routes = decodeRoutes(reader);
  if (routes === null) return 'route';
  if (!reader.zeros(5)) return 'pad';
  const moreRoutes = (flags & FLAG_MORE_ROUTES) !== 0;
  return { type, mode, nodeId: id, edPk, vip6, vip4, notBefore, notAfter, serial, issuer, routes, moreRoutes };
}

/** Decodes and checks one of the CAs' signature, the node id and the time (A5). `caPks`: the CA keys that are accepted. */
export function verifyCaPart(
  provider: CryptoProvider,
  bytes: Uint8Array,
  caPks: readonly Uint8Array[],
  now: UnixSeconds,
): CaPart | CaVerifyFault {
  const part = decodeCaPart(bytes);
  if (typeof part === 'string') return part;
  const caPk = caPks.find((pk) => compareBytes(issuerOf(provider, pk), part.issuer) === 0);
  if (caPk === undefined) return 'unknown-issuer';
  if (!provider.ed25519Verify(caPk, caSigned(bytes), bytes.subarray(SIGNED))) return 'ca-signature';
  if (part.nodeId !== nodeIdOf(provider, part.edPk)) return 'node-id';
  if (now < part.notBefore) return 'not-yet-valid';
  return now < part.notAfter ? part : 'expired';
}

/** The 68 bytes by which a node, with its own Ed25519 seed, vouches for its X25519 key. */
export function encodeKeyPart(
  provider: CryptoProvider,
  edSeed: Uint8Array,
  id: NodeId,
  xPk: Uint8Array,
  notAfter: UnixSeconds,
): Uint8Array {
  const signature = provider.ed25519Sign(edSeed, keySigned(id, xPk, notAfter));
  return new ByteWriter(CREDENTIAL_SIZE.keyPart).u32(notAfter).raw(signature).finish();
}

export function decodeKeyPart(bytes: Uint8Array): KeyPart | 'key-length' {
  if (bytes.length !== CREDENTIAL_SIZE.keyPart) return 'key-length';
  const reader = new ByteReader(bytes);
  return { notAfter: unixSeconds(reader.u32()), signature: reader.raw(64) };
}

/** Checks the node's own signature over the X25519 key that came as Noise's `s`, and the key part's end. */
export function verifyKeyPart(
  provider: CryptoProvider,
  bytes: Uint8Array,
  owner: Pick<CaPart, 'nodeId' | 'edPk'>,
  xPk: Uint8Array,
  now: UnixSeconds,
): KeyPart | KeyPartFault {
  const part = decodeKeyPart(bytes);
  if (part === 'key-length') return part;
  if (now >= part.notAfter) return 'key-expired';
  if (part.notAfter - now > KEY_PART_MAX_LIFE) return 'key-life';
  const signed = keySigned(owner.nodeId, xPk, part.notAfter);
  return provider.ed25519Verify(owner.edPk, signed, part.signature) ? part : 'key-signature';
}

/** Decodes the 268 bytes without checking a signature. */
export function decodeCredential(bytes: Uint8Array): Credential | CaPartFault {
  if (bytes.length !== CREDENTIAL_SIZE.credential) return 'length';
  const caPart = decodeCaPart(bytes.subarray(0, CREDENTIAL_SIZE.caPart));
  if (typeof caPart === 'string') return caPart;
  const keyPart = decodeKeyPart(bytes.subarray(CREDENTIAL_SIZE.caPart));
  return keyPart === 'key-length' ? 'length' : { caPart, keyPart };
}

/** Decodes the 268 bytes and checks everything: CA part, then key part over `xPk`. */
export function verifyCredential(
  provider: CryptoProvider,
  bytes: Uint8Array,
  xPk: Uint8Array,
  caPks: readonly Uint8Array[],
  now: UnixSeconds,
): Credential | CredentialFault {
  if (bytes.length !== CREDENTIAL_SIZE.credential) return 'length';
  const caPart = verifyCaPart(provider, bytes.subarray(0, CREDENTIAL_SIZE.caPart), caPks, now);
  if (typeof caPart === 'string') return caPart;
  const keyPart = verifyKeyPart(provider, bytes.subarray(CREDENTIAL_SIZE.caPart), caPart, xPk, now);
  return typeof keyPart === 'string' ? keyPart : { caPart, keyPart };
}

/** The node's own addresses in 16 bytes each. */
export function vipsOf(part: Pick<CaPart, 'vip6' | 'vip4'>): readonly Uint8Array[] {
  const vips: Uint8Array[] = [];
  if (part.vip6 !== undefined) vips.push(part.vip6);
  if (part.vip4 !== undefined) vips.push(concat(new Uint8Array(12), part.vip4));
  return vips;
}

/** Whether an address of 16 bytes is one of the node's vips or inside its routes by the CA part (protocol.md 2.1). */
export function caPartCovers(part: CaPart, address: Uint8Array): boolean {
  return (
    vipsOf(part).some((vip) => compareBytes(vip, address) === 0) || part.routes.some((r) => prefixCovers(r, address))
  );
}

function decodeRoutes(reader: ByteReader): AddressPrefix[] | null {
  const count = reader.u8();
  if (count > MAX_ROUTES) return null;
  const routes: AddressPrefix[] = [];
  for (let i = 0; i < count; i++) {
    const route = decodePrefix(reader.raw(PREFIX_SIZE));
    if (route === null) return null;
    routes.push(route);
  }
  return reader.zeros((MAX_ROUTES - count) * PREFIX_SIZE) ? routes : null;
}

function unlessZero(bytes: Uint8Array): Uint8Array | undefined {
  return isZero(bytes) ? undefined : bytes;
}

function caSigned(bytes: Uint8Array): Uint8Array {
  return concat(utf8(CRYPTO_LABEL.caPart), bytes.subarray(0, SIGNED));
}

function keySigned(id: NodeId, xPk: Uint8Array, notAfter: UnixSeconds): Uint8Array {
  return concat(utf8(CRYPTO_LABEL.keyPart), fromHex(id), xPk, new ByteWriter(4).u32(notAfter).finish());
}
