import { unixSeconds } from '../../base/brands.ts';
import type { ModeName } from '../../base/datagram-kinds.ts';
import { GscipError } from '../../base/errors.ts';
import { nodeIdOf } from '../../crypto/credential.ts';
import { type Member, REMOVE_REASON } from '../../crypto/roster-entry.ts';
import { chosenIpv4, freeIpv4, ipv6Of } from '../network/address-plan.ts';
import { nodeName } from '../network/names.ts';
import { CLOCK_SLACK, checkedRoutes, issueCaPart, memberOf } from '../network/node-certificate.ts';
import { groupNamed, revised, rosterOf, withDomainEpoch, withGroup, withRosterChange } from './network-rules.ts';
import type { AuthorityGroup, AuthorityNode, AuthorityState, AuthorityTools, EndNodeType } from './state.ts';

/** Nobody can renew a certificate without a server, and nodes leave by roster and key roll, so it lasts (seconds). */
const CERTIFICATE_LIFE = 10 * 365 * 86_400;
const MOST_GROUPS = 64;

/** A node as the administrator asks for it. */
export interface NodeRequest {
  readonly name: string;
  readonly type: EndNodeType;
  readonly mode: ModeName;
  readonly groups: readonly string[];
  readonly address: string | undefined;
  readonly routes: readonly string[];
}

/** Adds a node with a new key, its certificate, and an ADD entry in each of its groups, which then have a new version. */
export function addNode(tools: AuthorityTools, state: AuthorityState, request: NodeRequest): AuthorityState {
  const name = nodeName(request.name);
  if (liveNodes(state).some((node) => node.name === name))
    throw new GscipError(
      'node-exists',
      `the node "${name}" exists already`,
      'Choose another name, or remove that node first.',
    );
  const groups = requestedGroups(state, request.groups);
  const { node, member } = makeNode(tools, state, { ...request, name });
  const nodes = [...state.nodes, node];
  const started = { ...revised(tools, state), nodes, nextSerial: state.nextSerial + 1 };
  return groups.reduce<AuthorityState>((sum, group) => {
    const change = { kind: 'add', member } as const;
    return withGroup(sum, withRosterChange(tools, sum, group, change, 'join'));
  }, started);
}

/** Removes a node: a REMOVE entry and a new version at once in each of its groups, and a new domain key (protocol.md 10.3). */
export function removeNode(tools: AuthorityTools, state: AuthorityState, name: string): AuthorityState {
  const node = nodeNamed(state, name);
  const gone = { ...node, edSeed: undefined, removedAt: tools.now };
  const started = {
    ...revised(tools, state),
    nodes: state.nodes.map((each) => (each.id === node.id ? gone : each)),
    domain: withDomainEpoch(tools, state.domain, 'removal'),
  };
  return groupsOf(tools, state, node).reduce<AuthorityState>((sum, group) => {
    const change = { kind: 'remove', nodeId: node.id, reason: REMOVE_REASON.unspecified } as const;
    return withGroup(sum, withRosterChange(tools, sum, group, change, 'removal'));
  }, started);
}

export function liveNodes(state: AuthorityState): readonly AuthorityNode[] {
  return state.nodes.filter(({ removedAt }) => removedAt === undefined);
}

/** The live node of that name, or an error that names those there are. */
export function nodeNamed(state: AuthorityState, name: string): AuthorityNode {
  const node = liveNodes(state).find((each) => each.name === name);
  if (node) return node;
  const removed = state.nodes.some((each) => each.name === name);
  const names = liveNodes(state).map((each) => each.name);
  throw new GscipError(
    'unknown-node',
    removed ? `the node "${name}" was removed` : `there is no node "${name}"`,
    names.length === 0 ? 'Make it with: gscip authority node add DIR NAME …' : `The nodes are: ${names.join(', ')}.`,
  );
}

/** The groups that a node is a member of. */
export function groupsOf(tools: AuthorityTools, state: AuthorityState, node: AuthorityNode): readonly AuthorityGroup[] {
  return state.groups.filter((group) => rosterOf(tools, group).members.has(node.id));
}

function requestedGroups(state: AuthorityState, names: readonly string[]): readonly AuthorityGroup[] {
  const groups = [...new Set(names.map((name) => groupNamed(state, name)))];
  if (groups.length >= 1 && groups.length <= MOST_GROUPS) return groups;
  throw new GscipError('usage', `a node is in 1 to ${MOST_GROUPS} groups`, 'Name them with --groups a,b.');
}

function makeNode(
  tools: AuthorityTools,
  state: AuthorityState,
  request: NodeRequest,
): { readonly node: AuthorityNode; readonly member: Member } {
  const { name, type, mode } = request;
  const routes = checkedRoutes(state.plan, type, request.routes);
  const edSeed = tools.random(32);
  const edPk = tools.provider.ed25519KeyPair(edSeed).publicKey;
  const id = nodeIdOf(tools.provider, edPk);
  const ipv4 = requestedAddress(state, request.address);
  const ipv6 = ipv6Of(state.plan, id);
  const stated = { id, edPublic: edPk, type, mode, ipv4, ipv6, routes };
  const notBefore = unixSeconds(tools.now - CLOCK_SLACK);
  const notAfter = unixSeconds(tools.now + CERTIFICATE_LIFE);
  const terms = { serial: state.nextSerial, notBefore, notAfter };
  const caPart = issueCaPart(tools.provider, stated, terms, state.caSeed);
  const times = { addedAt: tools.now, removedAt: undefined };
  return { node: { name, id, edSeed, caPart, type, mode, ipv4, ipv6, routes, ...times }, member: memberOf(stated) };
}

/** An address of a removed node is given again only to whoever asks for it by name. */
function requestedAddress(state: AuthorityState, text: string | undefined): Uint8Array {
  const live = liveNodes(state).map(({ ipv4 }) => ipv4);
  if (text !== undefined) return chosenIpv4(state.plan, text, live);
  return freeIpv4(
    state.plan,
    state.nodes.map(({ ipv4 }) => ipv4),
  );
}
