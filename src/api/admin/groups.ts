export const RETAIN_CHOICES = ['migrate', 'flow'] as const;
export type RetainChoice = (typeof RETAIN_CHOICES)[number];

export const PUSH_CHOICES = ['all', 'always-on'] as const;
export type PushChoice = (typeof PUSH_CHOICES)[number];

/** POST /groups: `roll` is the local time "HH:MM" of the daily roll, or "never". */
export interface NewGroup {
  readonly name: string;
  readonly roll?: string;
  readonly retain?: RetainChoice;
  readonly push?: PushChoice;
}

/** PATCH /groups/:name: what is absent stays. */
export type GroupChange = Partial<NewGroup>;

export interface GroupAnswer {
  readonly id: string;
  readonly name: string;
  readonly retain: RetainChoice;
  readonly push: PushChoice;
  readonly roll: string;
  /** when the next scheduled roll becomes active, or null for none */
  readonly nextRoll: number | null;
  /** the version in force, or null while none is */
  readonly version: number | null;
  /** the newest version, perhaps waiting for its time */
  readonly newest: number | null;
  /** names of the nodes that are to be members */
  readonly nodes: readonly string[];
  readonly createdAt: number;
}

/** GET /groups */
export interface GroupList {
  readonly groups: readonly GroupAnswer[];
}

/** POST /groups/:name/roll: in how many seconds the new version is to be active; by default 2. */
export interface RollRequest {
  readonly in?: number;
}

export interface RollAnswer {
  readonly group: string;
  readonly version: number;
  readonly activateAt: number;
}

/** POST /groups/:name/nodes */
export interface NewMember {
  readonly node: string;
}

/** One version of a group key; what is secret about it is never told. */
export interface VersionAnswer {
  readonly version: number;
  /** 'next' waits for its time, 'current' is in force, 'retired' came before */
  readonly state: 'next' | 'current' | 'retired';
  readonly cause: string;
  readonly madeAt: number;
  readonly activateAt: number;
  readonly rosterSeq: number;
  /** hash of the list of members that it stands for, in hex */
  readonly rosterHead: string;
}

export interface GroupKeys {
  readonly id: string;
  /** empty for the domain group */
  readonly group: string;
  /** newest first */
  readonly versions: readonly VersionAnswer[];
}

/** GET /keys */
export interface KeyList {
  readonly groups: readonly GroupKeys[];
}
