import { type GroupId, type NodeId, nodeId } from '../base/brands.ts';
import { concat, fromHex, toHex, utf8 } from '../base/bytes.ts';
import { type CborValue, encodeCbor } from '../base/cbor.ts';
import { decodeCbor } from '../base/cbor-decode.ts';
import { asBytes, asList, asListOf, asText, asUint } from '../base/cbor-fields.ts';
import { unreachable } from '../base/unreachable.ts';
import { type AddressPrefix, decodePrefix, encodePrefix } from './address-prefix.ts';
import { CRYPTO_LABEL } from './labels.ts';
import type { CryptoProvider } from './provider.ts';

/*
 * One entry of a roster's hash chain (protocol.md 9.3), CBOR:
 *
 *   entry = [core, [[signer's ed_pk 32, sig 64], …]]      core is a byte string holding
 *   core  = [seq, prev 32, kind, body]                    head = H(core), over the bytes as received
 *
 * A signature is made over "gscip1 roster" ‖ group_id 16 ‖ H(core); GENESIS: group_id = 0×16.
 * Addresses are 16 bytes (IPv4 in the last four), routes 17: prefix length · address, as in the certificate.
 */

/** Numbers of the kinds on the wire. */
export const ROSTER_KIND = {
  genesis: 1,
  add: 2,
  remove: 3,
  adminAdd: 4,
  adminRemove: 5,
  rn1: 6,
  rename: 7,
  checkpoint: 8,
} as const;

/** How the inviter knew that the newcomer's key is the newcomer's (protocol.md 9.2); shown for ever. */
export const ADD_CHECKS = ['oob', 'in-person', 'ca-only'] as const;
export type AddCheck = (typeof ADD_CHECKS)[number];

/** Bits of GENESIS' options. */
export const ROSTER_OPTION = { anyMemberInvites: 1, managed: 2 } as const;

export const REMOVE_REASON = { unspecified: 0, left: 1, keyLost: 2, expelled: 3 } as const;

/** A member as the chain states it. */
export interface Member {
  readonly nodeId: NodeId;
  readonly edPk: Uint8Array;
  /** 16 bytes each */
  readonly vips: readonly Uint8Array[];
  readonly routes: readonly AddressPrefix[];
  readonly check: AddCheck;
}

/** What an entry changes. */
export type RosterChange =
  | {
      readonly kind: 'genesis';
      readonly name: string;
      readonly r: number;
      readonly admins: readonly Uint8Array[];
      readonly k: number;
      /** bits of ROSTER_OPTION */
      readonly options: number;
      /** 16 bytes */
      readonly nonce: Uint8Array;
    }
  | { readonly kind: 'add'; readonly member: Member }
  | { readonly kind: 'remove'; readonly nodeId: NodeId; readonly reason: number }
  | { readonly kind: 'admin-add' | 'admin-remove'; readonly edPk: Uint8Array; readonly k: number }
  /** `commitment` = H(RN1_r), 32 bytes */
  | { readonly kind: 'rn1'; readonly r: number; readonly commitment: Uint8Array }
  | { readonly kind: 'rename'; readonly name: string }
  | {
      readonly kind: 'checkpoint';
      readonly r: number;
      readonly name: string;
      readonly admins: readonly Uint8Array[];
      readonly k: number;
      readonly members: readonly Member[];
    };

export interface RosterSignature {
  readonly signer: Uint8Array;
  readonly signature: Uint8Array;
}

export interface RosterEntry {
  readonly seq: number;
  readonly prev: Uint8Array;
  readonly change: RosterChange;
  readonly signatures: readonly RosterSignature[];
  /** The bytes that are hashed and signed, as received. */
  readonly core: Uint8Array;
}

export type RosterEntryFault = 'entry-encoding' | 'entry-shape' | 'entry-kind' | 'entry-body';

/** Largest entry: a checkpoint of a large group. */
export const MAX_ENTRY = 1 << 20;
const MAX_SIGNATURES = 64;
const CORE_DEPTH = 5;

/** The bytes of an entry, signed with each of the seeds. `groupId` is null for GENESIS. */
export function encodeEntry(
  provider: CryptoProvider,
  groupId: GroupId | null,
  entry: Pick<RosterEntry, 'seq' | 'prev' | 'change'>,
  seeds: readonly Uint8Array[],
): Uint8Array {
  const [kind, body] = encodeBody(entry.change);
  const core = encodeCbor([entry.seq, entry.prev, kind, body]);
  const signed = entrySigned(provider, groupId, core);
  const sigs = seeds.map((seed) => [provider.ed25519KeyPair(seed).publicKey, provider.ed25519Sign(seed, signed)]);
  return encodeCbor([core, sigs]);
}

/** Decodes without checking signatures or the place in the chain. */
export function decodeEntry(bytes: Uint8Array): RosterEntry | RosterEntryFault {
  const outer = decodeCbor(bytes, { bytes: MAX_ENTRY, depth: 3 });
  if (typeof outer === 'string') return 'entry-encoding';
  const [coreBytes, sigs, ...more] = asList(outer.value) ?? [];
  const core = asBytes(coreBytes);
  const signatures = asListOf(sigs, parseSignature, MAX_SIGNATURES);
  if (core === undefined || signatures === undefined || more.length > 0) return 'entry-shape';
  const inner = decodeCbor(core, { bytes: MAX_ENTRY, depth: CORE_DEPTH });
  if (typeof inner === 'string') return 'entry-encoding';
  const fields = asList(inner.value) ?? [];
  const [seq, prev, kind] = [asUint(fields[0]), asBytes(fields[1], 32), asUint(fields[2], 255)];
  const body = asList(fields[3]);
  if (seq === undefined || prev === undefined || kind === undefined || body === undefined || fields.length !== 4) {
    return 'entry-shape';
  }
  const change = decodeBody(kind, body);
  return typeof change === 'string' ? change : { seq, prev, change, signatures, core };
}

/** head = H(core) (protocol.md 9.3). */
export function headOf(provider: CryptoProvider, core: Uint8Array): Uint8Array {
  return provider.sha256(core);
}

/** What a signer signs; `groupId` is null for GENESIS. */
export function entrySigned(provider: CryptoProvider, groupId: GroupId | null, core: Uint8Array): Uint8Array {
  const id = groupId === null ? new Uint8Array(16) : fromHex(groupId);
  return concat(utf8(CRYPTO_LABEL.roster), id, headOf(provider, core));
}

function encodeBody(change: RosterChange): readonly [number, readonly CborValue[]] {
  switch (change.kind) {
    case 'genesis': {
      const { name, r, admins, k, options, nonce } = change;
      return [ROSTER_KIND.genesis, [name, r, admins, k, options, nonce]];
    }
    case 'add':
      return [ROSTER_KIND.add, encodeMember(change.member)];
    case 'remove':
      return [ROSTER_KIND.remove, [fromHex(change.nodeId), change.reason]];
    case 'admin-add':
      return [ROSTER_KIND.adminAdd, [change.edPk, change.k]];
    case 'admin-remove':
      return [ROSTER_KIND.adminRemove, [change.edPk, change.k]];
    case 'rn1':
      return [ROSTER_KIND.rn1, [change.r, change.commitment]];
    case 'rename':
      return [ROSTER_KIND.rename, [change.name]];
    case 'checkpoint': {
      const { r, name, admins, k, members } = change;
      return [ROSTER_KIND.checkpoint, [r, name, admins, k, members.map(encodeMember)]];
    }
    default:
      return unreachable(change);
  }
}

/** The list that stands for a member in ADD and CHECKPOINT. */
export function encodeMember(member: Member): readonly CborValue[] {
  return [fromHex(member.nodeId), member.edPk, member.vips, member.routes.map(encodePrefix), member.check];
}

const BODY_LENGTH: Readonly<Record<number, number>> = { 1: 6, 2: 5, 3: 2, 4: 2, 5: 2, 6: 2, 7: 1, 8: 5 };

function decodeBody(kind: number, body: readonly CborValue[]): RosterChange | 'entry-kind' | 'entry-body' {
  if (BODY_LENGTH[kind] === undefined) return 'entry-kind';
  if (body.length !== BODY_LENGTH[kind]) return 'entry-body';
  return parseBody(kind, body) ?? 'entry-body';
}

function parseBody(kind: number, body: readonly CborValue[]): RosterChange | undefined {
  switch (kind) {
    case ROSTER_KIND.genesis:
      return parseGenesis(body);
    case ROSTER_KIND.add: {
      const member = parseMember(body);
      return member && { kind: 'add', member };
    }
    case ROSTER_KIND.remove: {
      const [id, reason] = [asBytes(body[0], 16), asUint(body[1], 255)];
      return id && reason !== undefined ? { kind: 'remove', nodeId: nodeId(toHex(id)), reason } : undefined;
    }
    case ROSTER_KIND.adminAdd:
    case ROSTER_KIND.adminRemove: {
      const [edPk, k] = [asBytes(body[0], 32), asUint(body[1])];
      const named = kind === ROSTER_KIND.adminAdd ? 'admin-add' : 'admin-remove';
      return edPk && k !== undefined ? { kind: named, edPk, k } : undefined;
    }
    case ROSTER_KIND.rn1: {
      const [r, commitment] = [asUint(body[0]), asBytes(body[1], 32)];
      return r !== undefined && commitment ? { kind: 'rn1', r, commitment } : undefined;
    }
    case ROSTER_KIND.rename: {
      const name = asText(body[0]);
      return name === undefined ? undefined : { kind: 'rename', name };
    }
    default:
      return parseCheckpoint(body);
  }
}

function parseGenesis(body: readonly CborValue[]): RosterChange | undefined {
  const [name, r, admins, k] = [asText(body[0]), asUint(body[1]), asListOf(body[2], parseKey), asUint(body[3])];
  const [options, nonce] = [asUint(body[4], 3), asBytes(body[5], 16)];
  if (name === undefined || r === undefined || admins === undefined || k === undefined) return undefined;
  return options === undefined || nonce === undefined
    ? undefined
    : { kind: 'genesis', name, r, admins, k, options, nonce };
}

function parseCheckpoint(body: readonly CborValue[]): RosterChange | undefined {
  const [r, name, admins, k] = [asUint(body[0]), asText(body[1]), asListOf(body[2], parseKey), asUint(body[3])];
  const members = asListOf(body[4], (element) => parseMember(asList(element) ?? []));
  if (r === undefined || name === undefined || admins === undefined || k === undefined) return undefined;
  return members && { kind: 'checkpoint', r, name, admins, k, members };
}

function parseMember(body: readonly CborValue[]): Member | undefined {
  const [id, edPk] = [asBytes(body[0], 16), asBytes(body[1], 32)];
  const vips = asListOf(body[2], (vip) => asBytes(vip, 16), 64);
  const routes = asListOf(body[3], (route) => decodePrefix(asBytes(route) ?? new Uint8Array(0)) ?? undefined, 1024);
  const check = ADD_CHECKS.find((name) => name === body[4]);
  if (id === undefined || edPk === undefined || body.length !== 5) return undefined;
  return vips && routes && check && { nodeId: nodeId(toHex(id)), edPk, vips, routes, check };
}

function parseSignature(element: CborValue): RosterSignature | undefined {
  const pair = asList(element) ?? [];
  const [signer, signature] = [asBytes(pair[0], 32), asBytes(pair[1], 64)];
  return signer && signature && pair.length === 2 ? { signer, signature } : undefined;
}

function parseKey(element: CborValue): Uint8Array | undefined {
  return asBytes(element, 32);
}
