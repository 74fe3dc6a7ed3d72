export const NODE_TYPES = ['ges', 'gen', 'gea'] as const;
export type NodeTypeName = (typeof NODE_TYPES)[number];

export const NODE_MODES = ['op', 'cl'] as const;
export type NodeModeName = (typeof NODE_MODES)[number];

export type NodeStandingName = 'pending' | 'active' | 'removed';

export interface NodeAnswer {
  readonly id: string;
  readonly name: string;
  readonly user: string;
  readonly type: NodeTypeName;
  readonly mode: NodeModeName;
  readonly standing: NodeStandingName;
  /** its IPv4 and its IPv6 address in the overlay */
  readonly addresses: readonly string[];
  /** networks behind it, as "10.1.0.0/16" */
  readonly routes: readonly string[];
  /** names of the groups that it is to be a member of */
  readonly groups: readonly string[];
  readonly ephemeral: boolean;
  /** when its membership ends by itself, else null */
  readonly endsAt: number | null;
  /** id of the token that brought it */
  readonly token: string;
  readonly certificateEnds: number;
  readonly addedAt: number;
  readonly lastSeen: number;
  readonly removedAt: number | null;
  /** whether it is connected to this server process now */
  readonly connected: boolean;
}

/** GET /nodes; nodes that were removed are among them. */
export interface NodeList {
  readonly nodes: readonly NodeAnswer[];
}

/** PATCH /nodes/:name: what is absent stays; `groups` and `routes` replace the whole list. */
export interface NodeChange {
  readonly name?: string;
  readonly mode?: NodeModeName;
  readonly groups?: readonly string[];
  readonly routes?: readonly string[];
  /** when its membership ends by itself, in seconds since 1970; null: not by itself any more */
  readonly until?: number | null;
}

/** POST /tokens: what is absent is a GES in mode op, no routes, one use, one hour, no approval, not ephemeral. */
export interface NewToken {
  readonly user: string;
  /** by name */
  readonly groups: readonly string[];
  readonly type?: NodeTypeName;
  readonly mode?: NodeModeName;
  readonly routes?: readonly string[];
  readonly uses?: number;
  /** seconds that it is valid */
  readonly ttl?: number;
  readonly approval?: boolean;
  readonly ephemeral?: boolean;
  /** when the membership of nodes that it brings ends by itself, in seconds since 1970 */
  readonly until?: number;
  /** name of a lost machine, which leaves when the token is used; the new one has its name and address from then on */
  readonly replaces?: string;
  /** "host:port" where nodes reach this server; by default what the server was told or finds out */
  readonly servers?: readonly string[];
}

/** The answer to POST /tokens: the only time that the token's secret is shown. */
export interface NewTokenAnswer {
  readonly id: string;
  /** what a node joins with */
  readonly token: string;
  readonly expiresAt: number;
  readonly servers: readonly string[];
}

export interface TokenAnswer {
  readonly id: string;
  readonly user: string;
  readonly groups: readonly string[];
  readonly type: NodeTypeName;
  readonly mode: NodeModeName;
  readonly routes: readonly string[];
  readonly uses: number;
  /** names of the nodes that it brought */
  readonly nodes: readonly string[];
  readonly approval: boolean;
  readonly ephemeral: boolean;
  /** when the membership of nodes that it brings ends by itself, else null */
  readonly endsAt: number | null;
  /** name of the node that the one it brings replaces, else null */
  readonly replaces: string | null;
  readonly createdBy: string;
  readonly createdAt: number;
  readonly expiresAt: number;
  readonly state: 'usable' | 'used-up' | 'expired' | 'revoked';
}

/** GET /tokens */
export interface TokenList {
  readonly tokens: readonly TokenAnswer[];
}
