import { type Static, Type } from 'typebox';
import {
  type GroupAnswer,
  type GroupChange,
  type GroupKeys,
  type NewGroup,
  PUSH_CHOICES,
  RETAIN_CHOICES,
  type RollAnswer,
  type RollRequest,
} from '../../api/admin/groups.ts';
import { addGroup, changeGroup, removeGroup, rollGroup } from '../network/commands/groups.ts';
import { groupNamed, namedGroups } from '../network/find.ts';
import { type Scope, visibleTo } from './caller.ts';
import { groupAnswer, groupIdNamed, groupKeys } from './group-view.ts';
import { type Route, route, UNUSED } from './route.ts';
import { CLOSED, COUNT, DONE, NAME, NAMED, orNull, schemaOf, TEXT, TEXTS, TIME, WAS_DONE } from './schema-parts.ts';

const CHOICES = {
  roll: Type.Optional(Type.String({ maxLength: 5, description: 'local time "HH:MM" of the daily roll, or "never"' })),
  retain: Type.Optional(Type.Enum([...RETAIN_CHOICES])),
  push: Type.Optional(Type.Enum([...PUSH_CHOICES])),
};
const NEW_GROUP = schemaOf<NewGroup>()(Type.Object({ name: NAME, ...CHOICES }, CLOSED));
const GROUP_CHANGE = schemaOf<GroupChange>()(Type.Object({ name: Type.Optional(NAME), ...CHOICES }, CLOSED));

export const GROUP = schemaOf<GroupAnswer>()(
  Type.Object({
    id: TEXT,
    name: TEXT,
    retain: Type.Enum([...RETAIN_CHOICES]),
    push: Type.Enum([...PUSH_CHOICES]),
    roll: TEXT,
    nextRoll: orNull(TIME),
    version: orNull(COUNT),
    newest: orNull(COUNT),
    nodes: TEXTS,
    createdAt: TIME,
  }),
);

const ROLL_REQUEST = schemaOf<RollRequest>()(
  Type.Object(
    { in: Type.Optional(Type.Integer({ minimum: 0, maximum: 2_592_000, description: 'seconds; 2 unless told' })) },
    CLOSED,
  ),
);
const ROLL = schemaOf<RollAnswer>()(Type.Object({ group: TEXT, version: COUNT, activateAt: TIME }));

const KEYS = schemaOf<GroupKeys>()(
  Type.Object({
    id: TEXT,
    group: TEXT,
    versions: Type.Array(
      Type.Object({
        version: COUNT,
        state: Type.Enum(['next', 'current', 'retired']),
        cause: TEXT,
        madeAt: TIME,
        activateAt: TIME,
        rosterSeq: COUNT,
        rosterHead: TEXT,
      }),
    ),
  }),
);

/** The group of the path is the one that a group administrator must own. */
const ofPath =
  ({ name }: Static<typeof NAMED>): Scope =>
  (view) => [groupIdNamed(view, name)];

const listGroups = route({
  ...UNUSED,
  method: 'GET',
  path: '/groups',
  id: 'list-groups',
  summary: 'The groups; a group administrator sees the own ones',
  roles: ['owner', 'group-administrator', 'auditor'],
  answer: Type.Object({ groups: Type.Array(GROUP) }),
  handle: ({ desk, view, caller }) => {
    const isVisible = visibleTo(view, caller);
    const groups = [...namedGroups(view)].filter(({ id }) => isVisible([id]));
    return { groups: groups.map((group) => groupAnswer(view, group, desk.tools().now)) };
  },
});

const postGroup = route({
  ...UNUSED,
  method: 'POST',
  path: '/groups',
  id: 'add-group',
  summary: 'Add a group, with its first key',
  roles: ['owner'],
  body: NEW_GROUP,
  answer: GROUP,
  handle: async ({ desk, view, body, act }) => {
    const group = await act((tools, draft) => addGroup(tools, draft, body));
    return groupAnswer(view, group, desk.tools().now);
  },
});

const patchGroup = route({
  ...UNUSED,
  method: 'PATCH',
  path: '/groups/:name',
  id: 'change-group',
  summary: 'Rename a group, or change when and how its key rolls',
  roles: ['owner', 'group-administrator'],
  params: NAMED,
  body: GROUP_CHANGE,
  answer: GROUP,
  handle: async ({ desk, view, params, body, act }) => {
    const group = await act((tools, draft) => changeGroup(tools, draft, params.name, body), ofPath(params));
    return groupAnswer(view, group, desk.tools().now);
  },
});

const deleteGroup = route({
  ...UNUSED,
  method: 'DELETE',
  path: '/groups/:name',
  id: 'remove-group',
  summary: 'Remove a group; its flows end',
  roles: ['owner'],
  params: NAMED,
  answer: DONE,
  handle: async ({ params, act }) => {
    await act((tools, draft) => removeGroup(tools, draft, params.name));
    return WAS_DONE;
  },
});

const postRoll = route({
  ...UNUSED,
  method: 'POST',
  path: '/groups/:name/roll',
  id: 'roll-group',
  summary: "Give a group's key a new version; flows move to it without loss",
  roles: ['owner', 'group-administrator'],
  params: NAMED,
  body: ROLL_REQUEST,
  answer: ROLL,
  handle: async ({ params, body, act }) => {
    const roll = await act((tools, draft) => {
      const { v, activateAt } = rollGroup(tools, draft, params.name, body.in);
      return { group: groupNamed(draft, params.name).name, version: v, activateAt };
    }, ofPath(params));
    return roll;
  },
});

const listKeys = route({
  ...UNUSED,
  method: 'GET',
  path: '/keys',
  id: 'list-keys',
  summary: 'The versions of the group keys, and nothing that is secret of them',
  roles: ['owner', 'group-administrator', 'auditor'],
  answer: Type.Object({ groups: Type.Array(KEYS) }),
  handle: ({ desk, view, caller }) => {
    const isVisible = visibleTo(view, caller);
    const groups = [...view.rows('groups')].filter(({ id }) => isVisible([id]));
    return { groups: groups.map((group) => groupKeys(view, group, desk.tools().now)) };
  },
});

export const GROUP_ROUTES: readonly Route[] = [
  ...[listGroups, postGroup, patchGroup, deleteGroup, postRoll],
  ...[listKeys],
];
