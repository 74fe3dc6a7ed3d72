import { Type } from 'typebox';
import type { NewRelay, NewRelayAnswer, RelayAnswer } from '../../api/admin/relays.ts';
import { encodeRelayToken } from '../../api/relay-token.ts';
import { addRelay, removeRelay } from '../network/commands/relays.ts';
import type { RelayRow } from '../network/state.ts';
import type { Desk } from './desk.ts';
import { type Route, route, UNUSED } from './route.ts';
import { CLOSED, DONE, NAME, NAMED, NAMES, schemaOf, TEXT, TEXTS, TIME, WAS_DONE } from './schema-parts.ts';
import { checkedServers } from './token-routes.ts';

const NEW_RELAY = schemaOf<NewRelay>()(Type.Object({ name: NAME, servers: Type.Optional(NAMES) }, CLOSED));
const MADE = schemaOf<NewRelayAnswer>()(Type.Object({ name: TEXT, token: TEXT, servers: TEXTS }));
const RELAY = schemaOf<RelayAnswer>()(
  Type.Object({ name: TEXT, createdAt: TIME, connected: Type.Boolean(), endpoints: TEXTS }),
);

const listRelays = route({
  ...UNUSED,
  method: 'GET',
  path: '/relays',
  id: 'list-relays',
  summary: 'The relays that run apart, and whether they are connected to this server',
  roles: ['owner', 'group-administrator', 'auditor'],
  answer: Type.Object({ relays: Type.Array(RELAY) }),
  handle: ({ desk, view }) => ({ relays: [...view.rows('relays')].map((row) => relayAnswer(desk, row)) }),
});

const postRelay = route({
  ...UNUSED,
  method: 'POST',
  path: '/relays',
  id: 'add-relay',
  summary: 'Make a token for a relay that runs apart; the answer shows it, and nothing does later',
  roles: ['owner'],
  body: NEW_RELAY,
  answer: MADE,
  handle: ({ desk, body, act }) =>
    act(({ provider, ...tools }, draft) => {
      const servers = checkedServers(body.servers ?? desk.facts().servers);
      const { id, name, secret } = addRelay({ provider, ...tools }, draft, body.name);
      return { name, token: encodeRelayToken(provider, { id, secret, servers }), servers };
    }),
});

const deleteRelay = route({
  ...UNUSED,
  method: 'DELETE',
  path: '/relays/:name',
  id: 'remove-relay',
  summary: 'Remove a relay; its token is worth nothing from then on, and nodes are directed to others',
  roles: ['owner'],
  params: NAMED,
  answer: DONE,
  handle: async ({ params, act }) => {
    await act((_tools, draft) => removeRelay(draft, params.name));
    return WAS_DONE;
  },
});

function relayAnswer({ relayEndpoints }: Desk, { id, name, createdAt }: RelayRow): RelayAnswer {
  const endpoints = relayEndpoints(id);
  return { name, createdAt, connected: endpoints !== undefined, endpoints: endpoints ?? [] };
}

export const RELAY_ROUTES: readonly Route[] = [listRelays, postRelay, deleteRelay];
