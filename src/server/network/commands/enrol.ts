import type { NodeId } from '../../../base/brands.ts';
import { equalConstantTime } from '../../../base/bytes.ts';
import { GscipError } from '../../../base/errors.ts';
import { nodeIdOf } from '../../../crypto/credential.ts';
import { acceptableEd25519Point } from '../../../crypto/ed25519-point.ts';
import { REMOVE_REASON } from '../../../crypto/roster-entry.ts';
import { hostAddress, ipv6Of } from '../address-plan.ts';
import { certify, gmsCertificate } from '../certificates.ts';
import type { Draft, View } from '../draft.ts';
import { takeAway } from '../membership.ts';
import { fittingNodeName } from '../names.ts';
import { changeNumber, changeSettings, publicKeys, settingsOf } from '../settings.ts';
import type { NodeRow, TokenRow } from '../state.ts';
import type { Tools } from '../tools.ts';
import { MOST_GROUPS } from './tokens.ts';

/** What a node proves and asks for. That it holds the Ed25519 key, by its signature, is checked by the channel. */
export interface Enrolment {
  /** 16 hex digits */
  readonly token: string;
  readonly edPublic: Uint8Array;
  /** what it would like to be called */
  readonly name: string;
  /** HMAC(secret of the token, covered) */
  readonly mac: Uint8Array;
  /** the bytes that the node speaks for: handshake hash and request */
  readonly covered: Uint8Array;
}

/** What a node is given that was taken. */
export interface Enrolled {
  readonly node: NodeRow;
  readonly network: string;
  readonly gmsCertificate: Uint8Array;
  /** Ed25519 keys: of the CA, and of the administrator who signs rosters and bundles */
  readonly ca: Uint8Array;
  readonly admin: Uint8Array;
}

/**
 * Redeems a token. The same node may ask again with the same token until it expires and is given the same; that counts
 * one use (protocol.md 11, E2). The node is a member from the next `admitWaiting` on, unless it waits for approval.
 */
export function enrol(tools: Tools, draft: Draft, request: Enrolment): Enrolled {
  const token = provenToken(tools, draft, request);
  const id = nodeIdOf(tools.provider, request.edPublic);
  if (token.revoked) throw new GscipError('token-revoked', 'this token was revoked', 'Ask for a new one.');
  if (tools.now >= token.expiresAt)
    throw new GscipError('token-expired', 'this token has expired', 'Ask for a new one.');
  const known = draft.get('nodes', id);
  if (known?.standing === 'removed')
    throw new GscipError(
      'node-removed',
      `the node "${known.name}" was removed`,
      'Forget its identity with: gscip logout',
    );
  if (known && token.used.includes(id)) return enrolled(tools, draft, known);
  if (token.used.length >= token.uses)
    throw new GscipError('token-used-up', 'this token is used up', 'Ask for a new one.');
  draft.put({ table: 'tokens', key: token.id, row: { ...token, used: [...token.used, id] } });
  const node = known ? again(tools, draft, known, token) : newNode(tools, draft, token, request, id);
  draft.put({ table: 'nodes', key: id, row: node });
  return enrolled(tools, draft, node);
}

/** The token, when the node has shown that it knows the secret. */
function provenToken({ provider }: Tools, draft: Draft, { token: id, mac, covered, edPublic }: Enrolment): TokenRow {
  const token = draft.get('tokens', id);
  if (token === undefined)
    throw new GscipError(
      'token-unknown',
      'this network has no such token',
      'It may be for another network, or be too old.',
    );
  if (!equalConstantTime(provider.hmac(token.secret, covered), mac))
    throw new GscipError('token-wrong', 'the secret of the token is not right', 'Copy the token again, as a whole.');
  if (!acceptableEd25519Point(edPublic))
    throw new GscipError('node-key', 'this is no Ed25519 key', 'Start with a new identity.');
  return token;
}

function newNode(tools: Tools, draft: Draft, token: TokenRow, request: Enrolment, id: NodeId): NodeRow {
  const { type, mode, user, routes, groups, ephemeral, approval, endsAt } = token;
  const lost = replacedNode(tools, draft, token);
  const { edPublic } = request;
  const ipv4 = lost?.ipv4 ?? nextAddress(draft);
  const ipv6 = ipv6Of(settingsOf(draft), id);
  return {
    ...{ id, edPublic, user, type, mode, ipv4, ipv6, routes, ephemeral, endsAt },
    name: lost?.name ?? freeNodeName(draft, request.name),
    groups: groups.filter((group) => draft.get('groups', group)),
    standing: approval ? 'pending' : 'active',
    ...certify(tools, draft, { id, edPublic, type, mode, ipv4, ipv6, routes, endsAt }),
    token: token.id,
    number: changeNumber(tools, draft),
    addedAt: tools.now,
    lastSeen: tools.now,
    removedAt: undefined,
  };
}

/** A node that is known joins with another token: it stays who it is, and may have come into more groups. */
function again(tools: Tools, draft: Draft, known: NodeRow, token: TokenRow): NodeRow {
  if (known.type !== token.type)
    throw new GscipError(
      'node-type',
      `this machine is the ${known.type.toUpperCase()} "${known.name}" already`,
      'Forget its identity with: gscip logout',
    );
  checkKnown(draft, known, token);
  const groups = [...new Set([...known.groups, ...token.groups.filter((group) => draft.get('groups', group))])];
  const { user, ephemeral, id } = token;
  const endsAt = token.endsAt ?? known.endsAt;
  return {
    ...known,
    user,
    ephemeral,
    endsAt,
    token: id,
    groups: groups.slice(0, MOST_GROUPS),
    ...certify(tools, draft, { ...known, endsAt }),
  };
}

/** Neither approval nor the place of a lost machine is to be had by a machine that is here already. */
function checkKnown(draft: Draft, known: NodeRow, { replaces, approval, groups }: TokenRow): void {
  if (replaces !== undefined)
    throw new GscipError(
      'node-known',
      `this machine is the node "${known.name}" already, and the token is for one that takes another's place`,
      'Forget its identity with: gscip logout',
    );
  const isMore = groups.some((group) => draft.get('groups', group) && !known.groups.includes(group));
  if (approval && isMore)
    throw new GscipError(
      'node-known',
      `this machine is the node "${known.name}" already, and the token needs approval`,
      `An administrator lets it into more groups with: gscip admin group admit GROUP ${known.name}`,
    );
}

/** The lost machine that the token names leaves in the step in which the new one comes. */
function replacedNode(tools: Tools, draft: Draft, { replaces }: TokenRow): NodeRow | undefined {
  const lost = replaces === undefined ? undefined : draft.get('nodes', replaces);
  if (lost === undefined || lost.standing === 'removed') return undefined;
  takeAway(tools, draft, [lost], REMOVE_REASON.keyLost);
  return lost;
}

/** Places in the pool are given in order and never twice. */
function nextAddress(draft: Draft): Uint8Array {
  const settings = settingsOf(draft);
  changeSettings(draft, { nextHost: settings.nextHost + 1 });
  return hostAddress(settings, settings.nextHost);
}

/**
 * The name that was asked for; when a live node has it, with -2, -3 … behind it: a number that is free after one that is taken. It
 * is the next one as long as nobody left, found without a try of each.
 */
export function freeNodeName(view: View, text: string): string {
  const wanted = fittingNodeName(text);
  const named = (count: number) => {
    const ending = count === 1 ? '' : `-${count}`;
    return wanted.slice(0, 63 - ending.length) + ending;
  };
  const isTaken = (count: number) => view.nodeNamed(named(count)) !== undefined;
  if (!isTaken(1)) return named(1);
  let free = 2;
  while (isTaken(free)) free *= 2;
  let taken = free / 2;
  while (free - taken > 1) {
    const middle = Math.floor((taken + free) / 2);
    if (isTaken(middle)) taken = middle;
    else free = middle;
  }
  return named(free);
}

function enrolled(tools: Tools, view: View, node: NodeRow): Enrolled {
  const settings = settingsOf(view);
  const { network } = settings;
  return { node, network, gmsCertificate: gmsCertificate(tools, view), ...publicKeys(tools, settings) };
}
