import type { GroupId, KeyVersion, NodeId, UnixSeconds } from '../../base/brands.ts';
import type { AddressPrefix } from '../../crypto/address-prefix.ts';

/*
 * All that a server knows of its network, as rows. The rules read a `NetworkState` and write rows through a `Draft`;
 * where rows are kept is the store's business. Byte arrays named "secret" are sealed before they reach a database.
 */

/** The tables and what a row of each holds. */
export interface Rows {
  readonly settings: SettingsRow;
  readonly users: UserRow;
  readonly administrators: AdministratorRow;
  readonly groups: GroupRow;
  readonly versions: VersionRow;
  readonly roster: RosterRow;
  readonly nodes: NodeRow;
  readonly tokens: TokenRow;
  readonly relays: RelayRow;
}

export type TableName = keyof Rows;
export const TABLES = [
  'settings',
  'users',
  'administrators',
  'groups',
  'versions',
  'roster',
  'nodes',
  'tokens',
  'relays',
] as const satisfies readonly TableName[];

/** One row that came, changed, or went (row undefined). Keys are unique within a table and never reused for another thing. */
export type Change = { readonly [T in TableName]: ChangeOf<T> }[TableName];

export interface ChangeOf<T extends TableName> {
  readonly table: T;
  readonly key: string;
  readonly row: Rows[T] | undefined;
}

/** The state between two commands: live, read only, the same object for the life of a store. */
export interface NetworkState {
  /** Grows by one with every command that changed something, over all processes of the network. */
  readonly revision: number;
  readonly tables: { readonly [T in TableName]: ReadonlyMap<string, Rows[T]> };
  /** The live node of that name, without a look at the others. */
  nodeNamed(name: string): NodeRow | undefined;
}

/** The one row of `settings` has the key 'network'. */
export interface SettingsRow {
  readonly network: string;
  /** overlay address pools: an IPv4 range, and the network's own 48 bits of IPv6 */
  readonly pool: AddressPrefix;
  readonly ula: Uint8Array;
  /** secret: Ed25519 seed, signs rosters and bundles */
  readonly adminSeed: Uint8Array;
  /** secret: Ed25519 seed, signs CA parts and the GMS certificate */
  readonly caSeed: Uint8Array;
  /** secret: X25519 seed of the account server, named by the fingerprint in join tokens (protocol.md 11) */
  readonly asSeed: Uint8Array;
  /** secret: X25519 seed of the group management server, pinned by nodes through the GMS certificate */
  readonly gmsSeed: Uint8Array;
  readonly nextSerial: number;
  /** place in the IPv4 pool of the next node; places are not given twice */
  readonly nextHost: number;
  /** number of the newest change that nodes are told of, and of the bundles that tell it: grows, and is at least the time */
  readonly number: number;
  /** IANA name of the zone in which the daily roll has its time of day */
  readonly timeZone: string;
  /** the domain group D (protocol.md 9.1) */
  readonly domain: GroupId;
  /** seconds that a key version may be used without word from the server (protocol.md 10.4) */
  readonly lease: number;
  /** seconds that a node certificate lives; renewed at two thirds */
  readonly certificateLife: number;
  readonly createdAt: UnixSeconds;
}

/** Key: the name. A person or service that nodes belong to. */
export interface UserRow {
  readonly name: string;
  readonly createdAt: UnixSeconds;
}

export const ROLES = ['owner', 'group-administrator', 'auditor'] as const;
export type Role = (typeof ROLES)[number];

/** Key: the name. Who may use the REST API from afar; the local socket is the owner. */
export interface AdministratorRow {
  readonly name: string;
  readonly role: Role;
  /** groups that a group administrator may change */
  readonly groups: readonly GroupId[];
  /** SHA-256 of the API key; the key itself is shown once */
  readonly keyHash: Uint8Array;
  readonly createdAt: UnixSeconds;
}

export type Retain = 'migrate' | 'flow';
/** Who is told of a new key: every connected node, or those that are always on (protocol.md 10.2). */
export type PushPolicy = 'all' | 'always-on';

/** Key: the group id. The domain group has a row of its own, with an empty name and no roster. */
export interface GroupRow {
  readonly id: GroupId;
  readonly name: string;
  readonly retain: Retain;
  readonly push: PushPolicy;
  /** local time of day "HH:MM" of the daily roll, or '' for none */
  readonly roll: string;
  /** when the next scheduled roll becomes active; 0 for none */
  readonly nextRoll: UnixSeconds;
  /** the versions that there are, oldest first */
  readonly versions: readonly KeyVersion[];
  /** number of the newest change of this group that its members are told of */
  readonly number: number;
  /** secret: 32 bytes; epoch 0 for ever in a managed group (protocol.md 9.3) */
  readonly rn1: Uint8Array;
  readonly createdAt: UnixSeconds;
}

export type VersionCause = 'created' | 'join' | 'schedule' | 'manual' | 'removal';

/** Key: `${group}/${v}`. The newest eight are kept. */
export interface VersionRow {
  readonly group: GroupId;
  readonly v: KeyVersion;
  /** secret: 32 bytes */
  readonly rn2: Uint8Array;
  readonly madeAt: UnixSeconds;
  readonly activateAt: UnixSeconds;
  readonly cause: VersionCause;
  /** number of the change that made it */
  readonly number: number;
  /** the roster that this version stands for: equal v has equal head (protocol.md 9.3) */
  readonly rosterSeq: number;
  readonly rosterHead: Uint8Array;
}

/** Key: `${group}/${seq}`. One signed entry of a group's chain. */
export interface RosterRow {
  readonly group: GroupId;
  readonly seq: number;
  readonly entry: Uint8Array;
}

export type EndNodeType = 'ges' | 'gen' | 'gea';
export type NodeMode = 'op' | 'cl';
/** 'pending' waits for an administrator; 'active' talks; 'removed' stays, so that name history and addresses are not reused. */
export type NodeStanding = 'pending' | 'active' | 'removed';

/** Key: the node id. */
export interface NodeRow {
  readonly id: NodeId;
  readonly name: string;
  readonly user: string;
  readonly type: EndNodeType;
  readonly mode: NodeMode;
  readonly standing: NodeStanding;
  /** Ed25519 public key; the node keeps the seed */
  readonly edPublic: Uint8Array;
  /** 200 bytes; the newest that was issued */
  readonly caPart: Uint8Array;
  readonly certificateEnds: UnixSeconds;
  /** 4 and 16 bytes */
  readonly ipv4: Uint8Array;
  readonly ipv6: Uint8Array;
  readonly routes: readonly AddressPrefix[];
  /** what it is to be a member of; the roster says whether it is yet */
  readonly groups: readonly GroupId[];
  /** leaves the network when it was not heard of for a day */
  readonly ephemeral: boolean;
  /** when its membership ends by itself; undefined: not by itself */
  readonly endsAt: UnixSeconds | undefined;
  /** the token that brought it */
  readonly token: string;
  /** number of the newest change of what its peers are shown of it */
  readonly number: number;
  readonly addedAt: UnixSeconds;
  /** written at most once a minute */
  readonly lastSeen: UnixSeconds;
  readonly removedAt: UnixSeconds | undefined;
}

/** Key: the token id, 16 hex digits. */
export interface TokenRow {
  readonly id: string;
  /** secret: 32 bytes, shown once in the token */
  readonly secret: Uint8Array;
  readonly user: string;
  readonly groups: readonly GroupId[];
  readonly type: EndNodeType;
  readonly mode: NodeMode;
  readonly routes: readonly AddressPrefix[];
  /** how many nodes it may bring */
  readonly uses: number;
  /** nodes that it brought; a node that asks twice counts once (protocol.md 11) */
  readonly used: readonly NodeId[];
  readonly expiresAt: UnixSeconds;
  /** a node that it brings waits for an administrator */
  readonly approval: boolean;
  readonly ephemeral: boolean;
  /** when the membership of nodes that it brings ends by itself */
  readonly endsAt: UnixSeconds | undefined;
  /** a lost machine, which leaves when the token is used, and whose name and address the new one has from then on */
  readonly replaces: NodeId | undefined;
  readonly createdBy: string;
  readonly createdAt: UnixSeconds;
  readonly revoked: boolean;
}

/** Key: the relay's id, 16 hex digits. A relay that runs apart (protocol.md 7.1). */
export interface RelayRow {
  readonly id: string;
  readonly name: string;
  /** secret: 32 bytes, shown once in the token */
  readonly secret: Uint8Array;
  readonly createdAt: UnixSeconds;
}
