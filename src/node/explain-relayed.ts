import type { FlowQuestion } from '../api/control.ts';
import type { ExplainAnswer, ExplainElement } from '../api/questions.ts';
import type { Millis, NodeId } from '../base/brands.ts';
import { padAddress, parseAddress } from '../base/ip-address.ts';
import { type CaPart, caPartCovers, decodeCaPart } from '../crypto/credential.ts';
import { currentOf } from '../dprp/admission.ts';
import { RULES, type RuleCode } from '../dprp/decision-table.ts';
import type { RelayListing } from '../dprp/relay-table.ts';
import { endTypeName, modeName } from '../dprp/wire-names.ts';
import { relayedAnswer } from './answers.ts';
import type { Engine } from './engine.ts';
import type { FlowEnd } from './explain.ts';
import { explainNotes } from './explain-notes.ts';

/**
 * What a GEN can say of two others whose ciphertext it passes on: it knows who they are, and its own part; not the flows, nor
 * the group that they agreed on. Undefined where nothing between these two passes here.
 */
export function explainRelayed(engine: Engine, question: FlowQuestion, now: Millis): ExplainAnswer | undefined {
  const { relays } = engine.elements.relay;
  const found = relays.list().filter(({ entry }) => {
    const isEnd = (asked: string) => [entry.startNode, entry.endNode].filter((id) => isAsked(engine, asked, id));
    const [source, destination] = [isEnd(question.source), isEnd(question.destination)];
    return source.length === 1 && destination.length === 1 && source[0] !== destination[0];
  });
  const newest = found.at(-1);
  return newest && answerOf(engine, newest, found, question, now);
}

function answerOf(
  engine: Engine,
  { entry }: RelayListing,
  found: readonly RelayListing[],
  { source, destination }: FlowQuestion,
  now: Millis,
): ExplainAnswer {
  const isForward = isAsked(engine, source, entry.startNode);
  const [from, to] = isForward ? [entry.startNode, entry.endNode] : [entry.endNode, entry.startNode];
  const relays = entry.action === 'relay';
  const rule: RuleCode = relays ? 'common-group' : 'no-common-group';
  const { step } = RULES[rule];
  const [ends, own] = relays ? ['ENC', 'RELAY-C'] : ['DISCARD', 'DISCARD'];
  const self = engine.node.keys.self().id;
  const isBelow = engine.elements.below().some(({ node }) => node === from);
  return {
    schema: 1,
    source: { asked: source, node: engine.node.peerName(from), behind: false, alsoGivenTo: [] },
    destination: { asked: destination, node: engine.node.peerName(to), behind: false, alsoGivenTo: [] },
    elements: [
      elementOf(engine, from, 'S', ends, step),
      elementOf(engine, self, isBelow ? 'S' : 'D', own, step),
      elementOf(engine, to, 'D', ends, step),
    ],
    result: RULES[rule].result,
    rule,
    ruleNumber: step,
    text: relays
      ? 'The two agreed on a common group, and both vouched for it to this node, which passes their ciphertext on and cannot read it.'
      : 'The two told this node to discard what they send each other.',
    remedy: '',
    certain: false,
    notes: explainNotes(engine, [endOf(engine, source, from), endOf(engine, destination, to)], now),
    now: { path: null, flows: [], blocked: null, relayed: found.map((each) => relayedAnswer(engine, each, now)) },
  };
}

function endOf({ node }: Engine, asked: string, id: NodeId): FlowEnd {
  const address = parseAddress(asked);
  return { asked, member: node.directory.member(id), address: address ? padAddress(address) : undefined };
}

/** By name, node id, or an address that the node's certificate gives it. */
function isAsked(engine: Engine, asked: string, id: NodeId): boolean {
  if (asked === id || asked === engine.node.peerName(id)) return true;
  const address = parseAddress(asked);
  if (!address) return false;
  const padded = padAddress(address);
  const caPart = caPartOf(engine, id);
  return caPart ? caPartCovers(caPart, padded) : engine.node.directory.at(padded)?.id === id;
}

/** The certificate that was seen of it, where it can be read. */
function caPartOf(engine: Engine, id: NodeId): CaPart | undefined {
  const bytes = engine.elements.certificates.at(id);
  const caPart = bytes && decodeCaPart(bytes);
  return typeof caPart === 'string' ? undefined : caPart;
}

/** What the certificate says, where it is known here, and the groups that this node shares with it. */
function elementOf(engine: Engine, id: NodeId, side: string, action: string, rule: number): ExplainElement {
  const { keys } = engine.node;
  const known = caPartOf(engine, id);
  const groups = keys.groups().flatMap((group) => {
    const current = currentOf(group);
    return current && group.roster.members.has(id) ? [`${keys.groupName(group.id)} v${current.v}`] : [];
  });
  return {
    name: engine.node.peerName(id),
    type: (known && endTypeName(known.type)) ?? '?',
    mode: (known && modeName(known.mode)) ?? '?',
    side,
    action,
    groups,
    rule,
  };
}
