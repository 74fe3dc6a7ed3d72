import { Type } from 'typebox';
import { type NewToken, type NewTokenAnswer, NODE_MODES, NODE_TYPES, type TokenAnswer } from '../../api/admin/nodes.ts';
import { encodeJoinToken, isServerAddress, JOIN_TOKEN } from '../../api/join-token.ts';
import { GscipError } from '../../base/errors.ts';
import { asFingerprint } from '../../crypto/enrolment.ts';
import { createToken, revokeToken } from '../network/commands/tokens.ts';
import type { View } from '../network/draft.ts';
import { settingsOf } from '../network/settings.ts';
import type { TokenRow } from '../network/state.ts';
import type { Tools } from '../network/tools.ts';
import { actorOf, visibleTo } from './caller.ts';
import { groupIdNamed, groupsOfNode } from './group-view.ts';
import { type Route, route, UNUSED } from './route.ts';
import { CLOSED, COUNT, DONE, NAME, NAMES, orNull, schemaOf, TEXT, TEXTS, TIME, WAS_DONE } from './schema-parts.ts';
import { tokenAnswer } from './token-view.ts';

const POSITIVE = Type.Integer({ minimum: 1 });
const NEW_TOKEN = schemaOf<NewToken>()(
  Type.Object(
    {
      user: NAME,
      groups: NAMES,
      type: Type.Optional(Type.Enum([...NODE_TYPES])),
      mode: Type.Optional(Type.Enum([...NODE_MODES])),
      routes: Type.Optional(NAMES),
      uses: Type.Optional(POSITIVE),
      ttl: Type.Optional(POSITIVE),
      approval: Type.Optional(Type.Boolean()),
      ephemeral: Type.Optional(Type.Boolean()),
      until: Type.Optional(TIME),
      replaces: Type.Optional(NAME),
      servers: Type.Optional(NAMES),
    },
    CLOSED,
  ),
);
const MADE = schemaOf<NewTokenAnswer>()(Type.Object({ id: TEXT, token: TEXT, expiresAt: TIME, servers: TEXTS }));
const TOKEN = schemaOf<TokenAnswer>()(
  Type.Object({
    id: TEXT,
    user: TEXT,
    groups: TEXTS,
    type: Type.Enum([...NODE_TYPES]),
    mode: Type.Enum([...NODE_MODES]),
    routes: TEXTS,
    uses: COUNT,
    nodes: TEXTS,
    approval: Type.Boolean(),
    ephemeral: Type.Boolean(),
    endsAt: orNull(TIME),
    replaces: orNull(TEXT),
    createdBy: TEXT,
    createdAt: TIME,
    expiresAt: TIME,
    state: Type.Enum(['usable', 'used-up', 'expired', 'revoked']),
  }),
);

const listTokens = route({
  ...UNUSED,
  method: 'GET',
  path: '/tokens',
  id: 'list-tokens',
  summary: 'The join tokens, without their secrets; a group administrator sees those for the own groups',
  roles: ['owner', 'group-administrator', 'auditor'],
  answer: Type.Object({ tokens: Type.Array(TOKEN) }),
  handle: ({ desk, view, caller }) => {
    const isVisible = visibleTo(view, caller);
    const tokens = [...view.rows('tokens')].filter(({ groups }) => isVisible(groups));
    return { tokens: tokens.map((row) => tokenAnswer(view, row, desk.tools().now)) };
  },
});

const postToken = route({
  ...UNUSED,
  method: 'POST',
  path: '/tokens',
  id: 'create-token',
  summary: 'Make a token that nodes join with; the answer shows it, and nothing does later',
  roles: ['owner', 'group-administrator'],
  body: NEW_TOKEN,
  answer: MADE,
  handle: ({ desk, caller, body, act }) => {
    const { kind, name } = actorOf(caller);
    return act(
      (tools, draft) => {
        const servers = checkedServers(body.servers ?? desk.facts().servers);
        const row = createToken(tools, draft, body, name === '' ? kind : name);
        return { id: row.id, token: tokenText(tools, draft, row, servers), expiresAt: row.expiresAt, servers };
      },
      (draft) => [
        ...body.groups.map((group) => groupIdNamed(draft, group)),
        ...(body.replaces === undefined ? [] : groupsOfNode(body.replaces)(draft)),
      ],
    );
  },
});

const deleteToken = route({
  ...UNUSED,
  method: 'DELETE',
  path: '/tokens/:id',
  id: 'revoke-token',
  summary: 'Make a token useless; nodes that it brought stay',
  roles: ['owner', 'group-administrator'],
  params: Type.Object({ id: TEXT }),
  answer: DONE,
  handle: async ({ params, act }) => {
    await act(
      (_tools, draft) => revokeToken(draft, params.id),
      (draft) => draft.get('tokens', params.id)?.groups ?? [undefined],
    );
    return WAS_DONE;
  },
});

/** Addresses that a token may name. */
export function checkedServers(servers: readonly string[]): readonly string[] {
  const wrong = servers.find((server) => !isServerAddress(server));
  if (wrong !== undefined)
    throw new GscipError('usage', `"${wrong}" is no address of a server`, 'Write it as HOST:PORT, IPv6 in brackets.');
  if (servers.length < 1 || servers.length > JOIN_TOKEN.servers)
    throw new GscipError(
      'usage',
      `a token names 1 to ${JOIN_TOKEN.servers} addresses of servers`,
      'Name them, or start the server with --advertise HOST:PORT.',
    );
  return servers;
}

function tokenText({ provider }: Tools, view: View, { id, secret }: TokenRow, servers: readonly string[]): string {
  const { publicKey } = provider.x25519KeyPair(settingsOf(view).asSeed);
  return encodeJoinToken(provider, { fingerprint: asFingerprint(provider, publicKey), id, secret, servers });
}

export const TOKEN_ROUTES: readonly Route[] = [listTokens, postToken, deleteToken];
