import type { NewToken } from '../../../api/admin/nodes.ts';
import { type NodeId, type UnixSeconds, unixSeconds } from '../../../base/brands.ts';
import { toHex } from '../../../base/bytes.ts';
import { GscipError } from '../../../base/errors.ts';
import type { Draft, View } from '../draft.ts';
import { groupNamed, nodeNamed, tokenOf, userNamed } from '../find.ts';
import { checkedRoutes } from '../node-certificate.ts';
import { settingsOf } from '../settings.ts';
import type { TokenRow } from '../state.ts';
import type { Tools } from '../tools.ts';
import { endOfMembership } from './membership-end.ts';

/** What a token is to be good for; where nodes reach the server is not the rules' concern. */
export type TokenRequest = Omit<NewToken, 'servers'>;

/** A node is in so many groups at most: a bundle holds no more. */
export const MOST_GROUPS = 64;
const MOST_USES = 100_000;
const HOUR = 3_600;
const LONGEST_TTL = 365 * 24 * HOUR;
/** So long a token that has ended can still be looked up (seconds). */
const KEPT_AFTER_END = 30 * 24 * HOUR;

/** Makes a token. Its row holds the secret, which the caller shows once, in the text of the token. */
export function createToken(tools: Tools, draft: Draft, request: TokenRequest, createdBy: string): TokenRow {
  const { type = 'ges', mode = 'op', routes = [], approval = false, ephemeral = false } = request;
  const user = userNamed(draft, request.user).name;
  const groups = [...new Set(request.groups.map((name) => groupNamed(draft, name).id))];
  if (groups.length < 1 || groups.length > MOST_GROUPS)
    throw new GscipError('usage', `a node is in 1 to ${MOST_GROUPS} groups`, 'Name them with --groups a,b.');
  const uses = wholeNumber('number of uses', request.uses ?? 1, MOST_USES);
  const ttl = wholeNumber('time in seconds', request.ttl ?? HOUR, LONGEST_TTL);
  const endsAt = endOfMembership(tools, request.until ?? null);
  const row: TokenRow = {
    id: toHex(tools.random(8)),
    secret: tools.random(32),
    ...{ user, groups, type, mode, uses, approval, ephemeral, createdBy },
    routes: checkedRoutes(settingsOf(draft), type, routes),
    used: [],
    // who would be brought after the end would have to leave at once
    expiresAt: unixSeconds(Math.min(tools.now + ttl, endsAt ?? Number.POSITIVE_INFINITY)),
    endsAt,
    replaces: replacedBy(draft, request, uses),
    createdAt: tools.now,
    revoked: false,
  };
  draft.put({ table: 'tokens', key: row.id, row });
  return row;
}

/** Makes a token useless; nodes that it brought stay. */
export function revokeToken(draft: Draft, id: string): TokenRow {
  const row = { ...tokenOf(draft, id), revoked: true };
  draft.put({ table: 'tokens', key: row.id, row });
  return row;
}

/** Forgets tokens that ended a month ago, used or not: until its end, who was brought by one may ask again by it. Gives how many. */
export function forgetTokens(tools: Tools, draft: Draft): number {
  const old = forgottenTokens(draft, tools.now);
  for (const { id } of old) draft.put({ table: 'tokens', key: id, row: undefined });
  return old.length;
}

/** The tokens that `forgetTokens` forgets. */
export function forgottenTokens(view: View, now: UnixSeconds): readonly TokenRow[] {
  return [...view.rows('tokens')].filter(({ expiresAt }) => now >= expiresAt + KEPT_AFTER_END);
}

function replacedBy(draft: Draft, { replaces, type = 'ges' }: TokenRequest, uses: number): NodeId | undefined {
  if (replaces === undefined) return undefined;
  const node = nodeNamed(draft, replaces);
  if (uses !== 1)
    throw new GscipError('usage', 'one machine replaces another', 'Leave the number of uses out, or make it 1.');
  if (node.type !== type)
    throw new GscipError('usage', `"${node.name}" is a ${node.type.toUpperCase()}`, `Use --type ${node.type}.`);
  return node.id;
}

function wholeNumber(what: string, value: number, most: number): number {
  if (Number.isInteger(value) && value >= 1 && value <= most) return value;
  throw new GscipError('usage', `a ${what} of ${value} is not possible`, `Choose 1 to ${most}.`);
}
