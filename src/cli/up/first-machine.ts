import type { UserList } from '../../api/admin/accounts.ts';
import type { GroupList } from '../../api/admin/groups.ts';
import type { NewToken, NewTokenAnswer } from '../../api/admin/nodes.ts';
import type { ServerStatus } from '../../api/admin/operations.ts';
import { GscipError } from '../../base/errors.ts';
import type { AdminClient } from '../admin/admin-client.ts';
import { shellWord } from '../shell-word.ts';

/** What a network begins with: a user, a group, the token of this machine, and one for the next. */
export interface Founding {
  readonly user: string;
  readonly group: string;
  /** for this machine, over its loopback device */
  readonly own: string;
  readonly next: NewTokenAnswer;
  readonly nextUses: number;
}

/** The first token should do for a small network; every further one is a command. */
const NEXT_USES = 5;
const OWN_SECONDS = 600;

/** Makes user and group where they are not there yet, so that a start that failed half-way can be repeated. */
export async function found(admin: AdminClient, network: string, port: number): Promise<Founding> {
  await refuseOther(admin, network);
  const user = firstUser(process.env);
  const { users } = await admin.get<UserList>('/users');
  if (!users.some(({ name }) => name === user)) await admin.post('/users', { name: user });
  const { groups } = await admin.get<GroupList>('/groups');
  if (!groups.some(({ name }) => name === network)) await admin.post('/groups', { name: network });
  const own = await token(admin, { user, groups: [network], ttl: OWN_SECONDS, servers: [`127.0.0.1:${port}`] });
  const next = await token(admin, { user, groups: [network], uses: NEXT_USES });
  return { user, group: network, own: own.token, next, nextUses: NEXT_USES };
}

/** The server's folder outlives a `logout` of the node. */
async function refuseOther(admin: AdminClient, network: string): Promise<void> {
  const { network: there } = await admin.get<ServerStatus>('/status');
  if (there === network) return;
  throw new GscipError(
    'network-exists',
    `the server of this machine keeps the network "${there}"`,
    `to come back to it: sudo gscip up --new ${shellWord(there)}; for another network use a --state of its own`,
  );
}

function token(admin: AdminClient, wanted: NewToken): Promise<NewTokenAnswer> {
  return admin.post<NewTokenAnswer>('/tokens', wanted);
}

/** The person behind sudo; a name that the server would refuse is no reason to stop. */
export function firstUser(env: Readonly<Record<string, string | undefined>>): string {
  const name = env['SUDO_USER'] ?? '';
  return /^[a-z0-9][a-z0-9._-]{0,62}$/i.test(name) && name !== 'root' ? name : 'admin';
}
