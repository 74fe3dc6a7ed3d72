import { GscipError } from '../base/errors.ts';

/** What a server process can be: account server, group management server, direction coordinator, relay. */
export const SERVER_ROLES = ['as', 'gms', 'dc', 'relay'] as const;
export type ServerRole = (typeof SERVER_ROLES)[number];

/** As far as the UDP ports of the last two are free. */
export const DEFAULT_ROLES = 'as,gms,dc,relay';

/** What is left where the roles over UDP do not run. */
export function withoutDatagrams(roles: readonly ServerRole[]): readonly ServerRole[] {
  return roles.filter((role) => role === 'as' || role === 'gms');
}

/** Whether this is a relay on a machine of its own, which has no database. */
export function isRelayApart(text: string): boolean {
  return text.trim() === 'relay';
}

/** Reads "as,gms" or "as,gms,dc,relay". They are one process, so that each needs the ones before it. */
export function parseServerRoles(text: string): readonly ServerRole[] {
  const words = text.split(',').map((word) => word.trim());
  const unknown = words.find((word) => !SERVER_ROLES.some((role) => role === word));
  if (unknown !== undefined)
    throw new GscipError('usage', `"${unknown}" is no role of a server`, `The roles are: ${SERVER_ROLES.join(', ')}.`);
  const roles = SERVER_ROLES.filter((role) => words.includes(role));
  if (!roles.includes('as') || !roles.includes('gms'))
    throw new GscipError(
      'role-not-built',
      'account server and group management server run in one process, and the other roles beside them',
      `Start it with --roles as,gms, or --roles ${SERVER_ROLES.join(',')}.`,
    );
  if (roles.includes('relay') && !roles.includes('dc'))
    throw new GscipError(
      'role-not-built',
      'a relay in the process of a server learns its channels from the direction coordinator there',
      `Start it with --roles ${SERVER_ROLES.join(',')}, or on a machine of its own with --roles relay.`,
    );
  return roles;
}
