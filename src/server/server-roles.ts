import { GscipError } from '../base/errors.ts';

/** What a server process can be: account server, group management server, direction coordinator, relay. */
export const SERVER_ROLES = ['as', 'gms', 'dc', 'relay'] as const;
export type ServerRole = (typeof SERVER_ROLES)[number];

export const DEFAULT_ROLES = 'as,gms';

/** Reads "as,gms". The two are one process; the others are refused until they exist. */
export function parseServerRoles(text: string): readonly ServerRole[] {
  const words = text.split(',').map((word) => word.trim());
  const unknown = words.find((word) => !SERVER_ROLES.some((role) => role === word));
  if (unknown !== undefined)
    throw new GscipError('usage', `"${unknown}" is no role of a server`, `The roles are: ${SERVER_ROLES.join(', ')}.`);
  const roles = SERVER_ROLES.filter((role) => words.includes(role));
  const missing = roles.filter((role) => role === 'dc' || role === 'relay');
  if (missing.length > 0)
    throw new GscipError(
      'role-not-built',
      `this release cannot be ${missing.join(' and ')} yet`,
      `Leave the role out: --roles ${DEFAULT_ROLES}.`,
    );
  if (roles.length < 2)
    throw new GscipError(
      'role-not-built',
      'account server and group management server run in one process',
      `Start it with --roles ${DEFAULT_ROLES}.`,
    );
  return roles;
}
