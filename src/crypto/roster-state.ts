import type { NodeId } from '../base/brands.ts';
import { compareBytes, toHex } from '../base/bytes.ts';
import { encodeCbor } from '../base/cbor.ts';
import { unreachable } from '../base/unreachable.ts';
import { nodeIdOf } from './credential.ts';
import { acceptableEd25519Point } from './ed25519-point.ts';
import type { CryptoProvider } from './provider.ts';
import { vipIndex } from './roster-coverage.ts';
import { encodeMember, type Member, ROSTER_OPTION, type RosterChange } from './roster-entry.ts';

/** What a chain says up to one entry. */
export interface RosterState {
  readonly name: string;
  /** RN1 epoch (protocol.md 9.1); always that of GENESIS in a managed group. */
  readonly r: number;
  /** H(RN1_r) where the chain states it: after a fresh RN1, not after a ratchet. */
  readonly rn1Commitment: Uint8Array | undefined;
  readonly admins: readonly Uint8Array[];
  /** Signatures of different admins that an entry needs. */
  readonly k: number;
  readonly options: number;
  readonly members: ReadonlyMap<NodeId, Member>;
}

export type RosterRuleFault =
  | 'not-genesis'
  | 'second-genesis'
  | 'threshold'
  | 'admin-key'
  | 'known-admin'
  | 'unknown-admin'
  | 'node-id'
  | 'address-taken'
  | 'unknown-member'
  | 'epoch'
  | 'checkpoint-differs';

/**
 * Members that no other state shares, and whose each vip is: changed in place while a chain is gone through, so that an entry
 * costs the same in a large group as in a small one.
 */
export interface OwnMembers {
  readonly members: Map<NodeId, Member>;
  /** by the address in hex */
  readonly vips: Map<string, NodeId>;
}

export function ownMembers(held: ReadonlyMap<NodeId, Member> = new Map()): OwnMembers {
  return { members: new Map(held), vips: vipIndex(held) };
}

/**
 * The state after a change, or why the change is not allowed in this state; who signed it is asked elsewhere, and before,
 * since the members of the state that it follows may be `own`.
 */
export function applyChange(
  provider: CryptoProvider,
  state: RosterState | undefined,
  change: RosterChange,
  own: OwnMembers = ownMembers(state?.members),
): RosterState | RosterRuleFault {
  if (state === undefined) return change.kind === 'genesis' ? begin(change, own) : 'not-genesis';
  switch (change.kind) {
    case 'genesis':
      return 'second-genesis';
    case 'add':
      return add(provider, state, change.member, own);
    case 'remove':
      return take(own, change.nodeId) ? { ...state, members: own.members } : 'unknown-member';
    case 'admin-add':
      if (state.admins.some((admin) => same(admin, change.edPk))) return 'known-admin';
      return withAdmins(state, [...state.admins, change.edPk], change.k);
    case 'admin-remove': {
      const admins = state.admins.filter((admin) => !same(admin, change.edPk));
      return admins.length === state.admins.length ? 'unknown-admin' : withAdmins(state, admins, change.k);
    }
    case 'rn1':
      if (isManaged(state) || change.r !== state.r + 1) return 'epoch';
      return { ...state, r: change.r, rn1Commitment: change.commitment };
    case 'rename':
      return { ...state, name: change.name };
    case 'checkpoint':
      return sameState(state, change) ? state : 'checkpoint-differs';
    default:
      return unreachable(change);
  }
}

/** Managed groups and those of the offline authority keep r as GENESIS states it (protocol.md 9.3). */
export function isManaged(state: RosterState): boolean {
  return (state.options & ROSTER_OPTION.managed) !== 0;
}

function begin(
  change: Extract<RosterChange, { kind: 'genesis' }>,
  { members }: OwnMembers,
): RosterState | RosterRuleFault {
  const { name, r, options, k } = change;
  const empty = { name, r, rn1Commitment: undefined, admins: [], k, options, members };
  return withAdmins(empty, change.admins, k);
}

function withAdmins(state: RosterState, admins: readonly Uint8Array[], k: number): RosterState | RosterRuleFault {
  if (!admins.every(acceptableEd25519Point)) return 'admin-key';
  if (admins.some((admin, i) => admins.slice(0, i).some((other) => same(admin, other)))) return 'known-admin';
  return k >= 1 && k <= admins.length ? { ...state, admins, k } : 'threshold';
}

/** A second ADD of a member states its addresses anew; the key cannot change, since node_id is its hash. */
function add(
  provider: CryptoProvider,
  state: RosterState,
  member: Member,
  own: OwnMembers,
): RosterState | RosterRuleFault {
  const { nodeId, edPk, vips } = member;
  if (!acceptableEd25519Point(edPk) || nodeId !== nodeIdOf(provider, edPk)) return 'node-id';
  const addresses = vips.map(toHex);
  if (addresses.some((vip) => (own.vips.get(vip) ?? nodeId) !== nodeId)) return 'address-taken';
  const known = own.members.get(nodeId);
  // a member that is stated anew keeps its place
  for (const vip of known?.vips ?? []) own.vips.delete(toHex(vip));
  own.members.set(nodeId, member);
  for (const vip of addresses) own.vips.set(vip, nodeId);
  const { members } = own;
  // a newcomer ratchets RN1, which needs no entry of its own (protocol.md 9.1)
  const joined = !isManaged(state) && known === undefined;
  return joined ? { ...state, members, r: state.r + 1, rn1Commitment: undefined } : { ...state, members };
}

function take({ members, vips }: OwnMembers, id: NodeId): boolean {
  for (const vip of members.get(id)?.vips ?? []) vips.delete(toHex(vip));
  return members.delete(id);
}

function sameState(state: RosterState, stated: Extract<RosterChange, { kind: 'checkpoint' }>): boolean {
  const shape = (
    { r, name, admins, k }: Pick<RosterState, 'r' | 'name' | 'admins' | 'k'>,
    members: readonly Member[],
  ) => encodeCbor([r, name, admins, k, members.map(encodeMember)]);
  return same(shape(state, [...state.members.values()]), shape(stated, stated.members));
}

function same(a: Uint8Array, b: Uint8Array): boolean {
  return compareBytes(a, b) === 0;
}
