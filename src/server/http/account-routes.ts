import { Type } from 'typebox';
import {
  ADMINISTRATOR_ROLES,
  type AdministratorAnswer,
  type NewAdministrator,
  type NewAdministratorAnswer,
  type NewUser,
  type UserAnswer,
} from '../../api/admin/accounts.ts';
import { addAdministrator, removeAdministrator } from '../network/commands/administrators.ts';
import { addUser, removeUser } from '../network/commands/users.ts';
import type { View } from '../network/draft.ts';
import { liveNodes } from '../network/find.ts';
import type { AdministratorRow, UserRow } from '../network/state.ts';
import { groupNames } from './group-view.ts';
import { type Route, route, UNUSED } from './route.ts';
import { CLOSED, COUNT, DONE, NAME, NAMED, NAMES, schemaOf, TEXT, TEXTS, TIME, WAS_DONE } from './schema-parts.ts';

const NEW_USER = schemaOf<NewUser>()(Type.Object({ name: NAME }, CLOSED));
const USER = schemaOf<UserAnswer>()(Type.Object({ name: TEXT, nodes: COUNT, createdAt: TIME }));

const listUsers = route({
  ...UNUSED,
  method: 'GET',
  path: '/users',
  id: 'list-users',
  summary: 'The users that nodes belong to',
  roles: ['owner', 'group-administrator', 'auditor'],
  answer: Type.Object({ users: Type.Array(USER) }),
  handle: ({ view }) => ({ users: [...view.rows('users')].map((row) => userAnswer(view, row)) }),
});

const postUser = route({
  ...UNUSED,
  method: 'POST',
  path: '/users',
  id: 'add-user',
  summary: 'Add a user',
  roles: ['owner'],
  body: NEW_USER,
  answer: USER,
  handle: async ({ view, body, act }) =>
    userAnswer(view, await act((tools, draft) => addUser(tools, draft, body.name))),
});

const deleteUser = route({
  ...UNUSED,
  method: 'DELETE',
  path: '/users/:name',
  id: 'remove-user',
  summary: 'Remove a user and revoke its tokens; with nodes=true its nodes too',
  roles: ['owner'],
  params: NAMED,
  query: Type.Object({ nodes: Type.Optional(Type.Boolean()) }, CLOSED),
  answer: DONE,
  handle: async ({ params, query, act }) => {
    await act((tools, draft) => removeUser(tools, draft, params.name, query));
    return WAS_DONE;
  },
});

function userAnswer(view: View, { name, createdAt }: UserRow): UserAnswer {
  return { name, nodes: [...liveNodes(view)].filter((node) => node.user === name).length, createdAt };
}

const ROLE = Type.Enum([...ADMINISTRATOR_ROLES]);
const NEW_ADMINISTRATOR = schemaOf<NewAdministrator>()(
  Type.Object({ name: NAME, role: ROLE, groups: Type.Optional(NAMES) }, CLOSED),
);
const ADMINISTRATOR_FIELDS = { name: TEXT, role: ROLE, groups: TEXTS, createdAt: TIME };
const ADMINISTRATOR = schemaOf<AdministratorAnswer>()(Type.Object(ADMINISTRATOR_FIELDS));
const WITH_KEY = schemaOf<NewAdministratorAnswer>()(Type.Object({ ...ADMINISTRATOR_FIELDS, key: TEXT }));

const listAdministrators = route({
  ...UNUSED,
  method: 'GET',
  path: '/administrators',
  id: 'list-administrators',
  summary: 'Who may use this API from afar',
  roles: ['owner', 'auditor'],
  answer: Type.Object({ administrators: Type.Array(ADMINISTRATOR) }),
  handle: ({ view }) => ({
    administrators: [...view.rows('administrators')].map((row) => administratorAnswer(view, row)),
  }),
});

const postAdministrator = route({
  ...UNUSED,
  method: 'POST',
  path: '/administrators',
  id: 'add-administrator',
  summary: 'Add an administrator; the answer shows the API key, which is never shown again',
  roles: ['owner'],
  body: NEW_ADMINISTRATOR,
  answer: WITH_KEY,
  handle: async ({ view, body, act }) => {
    const { administrator, key } = await act((tools, draft) => addAdministrator(tools, draft, body));
    return { ...administratorAnswer(view, administrator), key };
  },
});

const deleteAdministrator = route({
  ...UNUSED,
  method: 'DELETE',
  path: '/administrators/:name',
  id: 'remove-administrator',
  summary: 'Remove an administrator; the API key is worth nothing from then on',
  roles: ['owner'],
  params: NAMED,
  answer: DONE,
  handle: async ({ params, act }) => {
    await act((_tools, draft) => removeAdministrator(draft, params.name));
    return WAS_DONE;
  },
});

function administratorAnswer(view: View, { name, role, groups, createdAt }: AdministratorRow): AdministratorAnswer {
  return { name, role, groups: groupNames(view, groups), createdAt };
}

export const ACCOUNT_ROUTES: readonly Route[] = [
  ...[listUsers, postUser, deleteUser],
  ...[listAdministrators, postAdministrator, deleteAdministrator],
];
