/** Who may use the REST API from afar; the local socket of a server is the owner. */
export const ADMINISTRATOR_ROLES = ['owner', 'group-administrator', 'auditor'] as const;
export type AdministratorRole = (typeof ADMINISTRATOR_ROLES)[number];

/** POST /users */
export interface NewUser {
  readonly name: string;
}

export interface UserAnswer {
  readonly name: string;
  /** nodes that belong to the user and were not removed */
  readonly nodes: number;
  readonly createdAt: number;
}

/** GET /users */
export interface UserList {
  readonly users: readonly UserAnswer[];
}

/** POST /administrators: `groups` by name, for a group administrator only. */
export interface NewAdministrator {
  readonly name: string;
  readonly role: AdministratorRole;
  readonly groups?: readonly string[];
}

export interface AdministratorAnswer {
  readonly name: string;
  readonly role: AdministratorRole;
  readonly groups: readonly string[];
  readonly createdAt: number;
}

/** The answer to POST /administrators: the only time that the API key is shown. */
export interface NewAdministratorAnswer extends AdministratorAnswer {
  readonly key: string;
}

/** GET /administrators */
export interface AdministratorList {
  readonly administrators: readonly AdministratorAnswer[];
}
