import type { GroupId } from '../../../base/brands.ts';
import { equalConstantTime, toHex, utf8 } from '../../../base/bytes.ts';
import { GscipError } from '../../../base/errors.ts';
import { unreachable } from '../../../base/unreachable.ts';
import type { CryptoProvider } from '../../../crypto/provider.ts';
import type { Draft, View } from '../draft.ts';
import { administratorNamed, groupNamed } from '../find.ts';
import { accountName } from '../names.ts';
import type { AdministratorRow, Role } from '../state.ts';
import type { Tools } from '../tools.ts';

/** Who is to use the REST API from afar. */
export interface AdministratorRequest {
  readonly name: string;
  readonly role: Role;
  /** by name; a group administrator has at least one, others have none */
  readonly groups?: readonly string[];
}

const KEY = /^gsa1\.[0-9a-f]{64}$/;

/** Adds an administrator. The API key is told here and never again: only its hash is kept. */
export function addAdministrator(
  tools: Tools,
  draft: Draft,
  { name: text, role, groups: names = [] }: AdministratorRequest,
): { readonly administrator: AdministratorRow; readonly key: string } {
  const name = accountName('administrator', text);
  if (draft.get('administrators', name))
    throw new GscipError('administrator-exists', `the administrator "${name}" exists already`, 'Choose another name.');
  if ((role === 'group-administrator') !== names.length > 0)
    throw new GscipError(
      'usage',
      role === 'group-administrator' ? 'a group administrator needs groups' : `the role ${role} is for all groups`,
      'Give groups with the role group-administrator, and with no other.',
    );
  const groups = [...new Set(names.map((each) => groupNamed(draft, each).id))];
  const key = `gsa1.${toHex(tools.random(32))}`;
  const administrator = { name, role, groups, keyHash: tools.provider.sha256(utf8(key)), createdAt: tools.now };
  draft.put({ table: 'administrators', key: name, row: administrator });
  return { administrator, key };
}

export function removeAdministrator(draft: Draft, name: string): AdministratorRow {
  const row = administratorNamed(draft, name);
  draft.put({ table: 'administrators', key: row.name, row: undefined });
  return row;
}

/** Whose API key this is; the time that it takes depends only on how many administrators there are. */
export function administratorOf(provider: CryptoProvider, view: View, key: string): AdministratorRow | undefined {
  if (!KEY.test(key)) return undefined;
  const hash = provider.sha256(utf8(key));
  let found: AdministratorRow | undefined;
  for (const row of view.rows('administrators')) if (equalConstantTime(row.keyHash, hash)) found = row;
  return found;
}

/** What a request wants to do: read, change something of these groups only, or anything. */
export type Wish =
  | { readonly to: 'read' }
  | { readonly to: 'change-groups'; readonly groups: readonly GroupId[] }
  | { readonly to: 'change-network' };

/** Whether a role allows it: auditors read, group administrators also change their own groups, owners do all. */
export function mayDo({ role, groups }: Pick<AdministratorRow, 'role' | 'groups'>, wish: Wish): boolean {
  switch (role) {
    case 'owner':
      return true;
    case 'group-administrator':
      if (wish.to === 'read') return true;
      return wish.to === 'change-groups' && wish.groups.length > 0 && wish.groups.every((id) => groups.includes(id));
    case 'auditor':
      return wish.to === 'read';
    default:
      return unreachable(role);
  }
}
