import { Type } from 'typebox';
import type { NewMember } from '../../api/admin/groups.ts';
import { NODE_MODES, NODE_TYPES, type NodeAnswer, type NodeChange } from '../../api/admin/nodes.ts';
import { GscipError } from '../../base/errors.ts';
import { nearestName } from '../../base/nearest-name.ts';
import { addToGroup, approveNode, changeNode, removeFromGroup, removeNode } from '../network/commands/nodes.ts';
import type { View } from '../network/draft.ts';
import { groupNamed } from '../network/find.ts';
import type { NodeRow } from '../network/state.ts';
import { type Caller, visibleTo } from './caller.ts';
import type { Desk } from './desk.ts';
import { GROUP } from './group-routes.ts';
import { groupAnswer, groupIdNamed, groupsOfNode } from './group-view.ts';
import { nodeAnswer } from './node-view.ts';
import { type Route, route, UNUSED } from './route.ts';
import { CLOSED, DONE, NAME, NAMED, NAMES, orNull, schemaOf, TEXT, TEXTS, TIME, WAS_DONE } from './schema-parts.ts';

const NODE = schemaOf<NodeAnswer>()(
  Type.Object({
    id: TEXT,
    name: TEXT,
    user: TEXT,
    type: Type.Enum([...NODE_TYPES]),
    mode: Type.Enum([...NODE_MODES]),
    standing: Type.Enum(['pending', 'active', 'removed']),
    addresses: TEXTS,
    routes: TEXTS,
    groups: TEXTS,
    ephemeral: Type.Boolean(),
    endsAt: orNull(TIME),
    token: TEXT,
    certificateEnds: TIME,
    addedAt: TIME,
    lastSeen: TIME,
    removedAt: orNull(TIME),
    connected: Type.Boolean(),
  }),
);
const NODE_CHANGE = schemaOf<NodeChange>()(
  Type.Object(
    {
      name: Type.Optional(NAME),
      mode: Type.Optional(Type.Enum([...NODE_MODES])),
      groups: Type.Optional(NAMES),
      routes: Type.Optional(NAMES),
      until: Type.Optional(orNull(TIME)),
    },
    CLOSED,
  ),
);
const NEW_MEMBER = schemaOf<NewMember>()(Type.Object({ node: NAME }, CLOSED));

const listNodes = route({
  ...UNUSED,
  method: 'GET',
  path: '/nodes',
  id: 'list-nodes',
  summary: 'The nodes, also those that were removed; a group administrator sees those of the own groups',
  roles: ['owner', 'group-administrator', 'auditor'],
  answer: Type.Object({ nodes: Type.Array(NODE) }),
  handle: ({ desk, view, caller }) => ({
    nodes: visibleNodes(view, caller).map((row) => answerOf(desk, view, row)),
  }),
});

const oneNode = route({
  ...UNUSED,
  method: 'GET',
  path: '/nodes/:name',
  id: 'show-node',
  summary: 'A node by its name or id',
  roles: ['owner', 'group-administrator', 'auditor'],
  params: NAMED,
  answer: NODE,
  handle: ({ desk, view, caller, params }) => {
    const visible = visibleNodes(view, caller);
    const named = visible.filter(({ name, id }) => name === params.name || id === params.name);
    const row = named.find(({ standing }) => standing !== 'removed') ?? named.at(-1);
    if (row !== undefined) return answerOf(desk, view, row);
    const nearest = nearestName(
      params.name,
      visible.map(({ name }) => name),
    );
    throw new GscipError(
      'unknown-node',
      `there is no node "${params.name}"`,
      nearest === undefined ? '' : `Did you mean "${nearest}"?`,
    );
  },
});

const postApproval = route({
  ...UNUSED,
  method: 'POST',
  path: '/nodes/:name/approve',
  id: 'approve-node',
  summary: 'Let a node in that waits for it',
  roles: ['owner', 'group-administrator'],
  params: NAMED,
  answer: NODE,
  handle: async ({ desk, view, params: { name }, act }) => {
    const node = await act((tools, draft) => approveNode(tools, draft, name), groupsOfNode(name));
    return answerOf(desk, view, node);
  },
});

const patchNode = route({
  ...UNUSED,
  method: 'PATCH',
  path: '/nodes/:name',
  id: 'change-node',
  summary: 'Change name, mode, groups or routes of a node; lists are replaced as a whole',
  roles: ['owner'],
  params: NAMED,
  body: NODE_CHANGE,
  answer: NODE,
  handle: async ({ desk, view, params, body, act }) =>
    answerOf(desk, view, await act((tools, draft) => changeNode(tools, draft, params.name, body))),
});

const deleteNode = route({
  ...UNUSED,
  method: 'DELETE',
  path: '/nodes/:name',
  id: 'remove-node',
  summary: 'Remove a node from the network; its flows end at the others at once',
  roles: ['owner'],
  params: NAMED,
  answer: DONE,
  handle: async ({ params, act }) => {
    await act((tools, draft) => removeNode(tools, draft, params.name));
    return WAS_DONE;
  },
});

const postMember = route({
  ...UNUSED,
  method: 'POST',
  path: '/groups/:name/nodes',
  id: 'add-member',
  summary: 'Make a node a member of a group; a group administrator takes nodes that are in no group of others',
  roles: ['owner', 'group-administrator'],
  params: NAMED,
  body: NEW_MEMBER,
  answer: GROUP,
  handle: async ({ desk, view, params, body, act }) => {
    await act(
      (tools, draft) => addToGroup(tools, draft, params.name, body.node),
      (draft) => [groupIdNamed(draft, params.name), ...groupsOfNode(body.node)(draft)],
    );
    return groupAnswer(view, groupNamed(view, params.name), desk.tools().now);
  },
});

const deleteMember = route({
  ...UNUSED,
  method: 'DELETE',
  path: '/groups/:name/nodes/:node',
  id: 'remove-member',
  summary: 'End the membership of a node at once; it stays in the network',
  roles: ['owner', 'group-administrator'],
  params: Type.Object({ name: NAME, node: NAME }),
  answer: GROUP,
  handle: async ({ desk, view, params: { name, node }, act }) => {
    await act(
      (tools, draft) => removeFromGroup(tools, draft, name, node),
      (draft) => [groupIdNamed(draft, name)],
    );
    return groupAnswer(view, groupNamed(view, name), desk.tools().now);
  },
});

function visibleNodes(view: View, caller: Caller): readonly NodeRow[] {
  const isVisible = visibleTo(view, caller);
  return [...view.rows('nodes')].filter(({ groups }) => isVisible(groups));
}

function answerOf(desk: Desk, view: View, row: NodeRow): NodeAnswer {
  return nodeAnswer(view, row, desk.isConnected(row.id));
}

export const NODE_ROUTES: readonly Route[] = [
  ...[listNodes, oneNode, postApproval, patchNode, deleteNode],
  ...[postMember, deleteMember],
];
