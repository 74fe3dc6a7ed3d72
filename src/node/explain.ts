import type { FlowQuestion } from '../api/control.ts';
import type { ExplainAnswer, ExplainElement, ExplainEnd } from '../api/questions.ts';
import type { GroupId, KeyVersion, Millis } from '../base/brands.ts';
import { compareBytes } from '../base/bytes.ts';
import { GscipError } from '../base/errors.ts';
import { padAddress, parseAddress } from '../base/ip-address.ts';
import { prefixCovers } from '../crypto/address-prefix.ts';
import { currentOf } from '../dprp/admission.ts';
import type { SideName } from '../dprp/constants.ts';
import { type Decision, decide, type ElementPlan, overlayDecision, RULES } from '../dprp/decision-table.ts';
import type { PathElement, SeenElement } from '../dprp/path-element.ts';
import type { Engine } from './engine.ts';
import { liveOf } from './explain-live.ts';
import { explainNotes } from './explain-notes.ts';
import { explainRelayed } from './explain-relayed.ts';
import { remedyOf } from './explain-remedy.ts';
import type { Member } from './key-store.ts';

/** One end of a flow as somebody asked for it. */
export interface FlowEnd {
  readonly asked: string;
  /** who speaks for it; undefined for a stranger */
  readonly member: Member | undefined;
  /** 16 bytes, where an address was asked for */
  readonly address: Uint8Array | undefined;
}

/** The two ends, and the elements on the way that this node knows, in the order of a packet. */
export interface FlowPath {
  readonly ends: readonly [source: FlowEnd, destination: FlowEnd];
  readonly path: readonly PathElement[];
  readonly decision: Decision;
  /** this node is one of the ends, so that it knows every group that the two share */
  readonly certain: boolean;
}

/** What each element does with such a flow, by the decision table over what this node knows (protocol.md 8.3). */
export function explainAnswer(engine: Engine, question: FlowQuestion, now: Millis): ExplainAnswer {
  const relayed = explainRelayed(engine, question, now);
  if (relayed) return relayed;
  const flow = flowPath(engine, question);
  const { path, decision, ends, certain } = flow;
  const { step, sentence } = RULES[decision.rule];
  return {
    schema: 1,
    source: endAnswer(engine, ends[0]),
    destination: endAnswer(engine, ends[1]),
    elements: decision.elements.map((plan, at) => elementAnswer(engine, path[at], plan, step)),
    result: decision.result,
    rule: decision.rule,
    ruleNumber: step,
    text: sentence,
    remedy: remedyOf(engine, flow),
    certain,
    notes: explainNotes(engine, ends, now),
    now: liveOf(engine, flow, question, now),
  };
}

function flowPath(engine: Engine, question: FlowQuestion): FlowPath {
  const ends = [endOf(engine, question.source), endOf(engine, question.destination)] as const;
  const [source, destination] = ends.map(({ member }) => member);
  if (!source && !destination)
    throw new GscipError(
      'unknown-node',
      `neither ${ends[0].asked} nor ${ends[1].asked} belongs to a node of this network`,
      'such packets are no business of GSCIP: name a node, or an address of one or behind one, for either of them',
    );
  const self = engine.node.keys.self().id;
  const certain = source?.id === self || destination?.id === self;
  if (source && source === destination) return { ends, certain, ...within(engine, source) };
  if (certain && isAtHome(engine, ends)) return { ends, certain, ...ownLink(engine, ends) };
  const path = [
    ...(source ? [elementOf(engine, source, 's')] : []),
    ...between(engine, source, destination),
    ...(destination ? [elementOf(engine, destination, 'd')] : []),
  ];
  // the overlay carries what goes to an overlay address, or from one member's network to another's
  const overlay = (source && destination) || isOverlay(ends[1]) || ends.some((end) => isUnknownMember(engine, end));
  return { ends, certain, path, decision: overlay ? overlayDecision(path) : decide(path) };
}

/** This node and a terminal of the network that it is at home in: nothing of the overlay is between them (protocol.md 8.2). */
function isAtHome({ node }: Engine, ends: FlowPath['ends']): boolean {
  return ends.some(({ address }) => address !== undefined && node.home.lanOf(address) === 'home');
}

function ownLink(engine: Engine, [source]: FlowPath['ends']): Pick<FlowPath, 'path' | 'decision'> {
  const self = engine.node.keys.self();
  const path = [elementOf(engine, self, source.member?.id === self.id ? 's' : 'd')];
  return { path, decision: decide(path) };
}

/** Both ends behind one router; a host does not send to itself by a network. */
function within(engine: Engine, member: Member): Pick<FlowPath, 'path' | 'decision'> {
  if (member.type !== 'gen')
    throw new GscipError(
      'same-node',
      `source and destination are both ${member.name}`,
      'what a machine sends to itself does not leave it: name two machines',
    );
  const path = [elementOf(engine, member, 'b')];
  return { path, decision: decide(path) };
}

function endOf({ node }: Engine, asked: string): FlowEnd {
  const { directory, keys } = node;
  const address = parseAddress(asked);
  if (address) {
    const padded = padAddress(address);
    return { asked, member: directory.at(padded), address: padded };
  }
  const member = directory.find(asked);
  if (member) return { asked, member, address: undefined };
  const names = [keys.self(), ...directory.others()].map(({ name }) => name);
  throw new GscipError(
    'unknown-node',
    `no node is called "${asked}"`,
    `known are: ${names.join(', ')}\na node that shares no group with this one is not known here: gscip admin node list, on the server`,
  );
}

/** The node itself, and not something in a network behind it. */
function isOverlay({ member, address }: FlowEnd): boolean {
  if (!member || !address) return member !== undefined;
  return member.vips.some((vip) => compareBytes(vip, address) === 0);
}

/** An overlay address of a node that shares no group with this one, and so is not known here. */
function isUnknownMember({ node }: Engine, { asked, member }: FlowEnd): boolean {
  const address = member ? null : parseAddress(asked);
  return address !== null && node.paths.isOverlay(address);
}

/** Groups of others are known from the rosters of groups that this node shares with them. */
function elementOf(engine: Engine, member: Member, side: SideName): PathElement {
  const groups = new Map<GroupId, KeyVersion>();
  for (const group of engine.node.keys.groups()) {
    const current = currentOf(group);
    if (current && group.roster.members.has(member.id)) groups.set(group.id, current.v);
  }
  const type = member.type === 'gen' || member.type === 'gea' ? member.type : 'ges';
  return { id: member.id, type, mode: member.mode === 'cl' ? 'cl' : 'op', side, groups };
}

const OTHER_WAY: Readonly<Record<SideName, SideName>> = { s: 'd', d: 's', n: 'n', b: 'b' };

/** What the last handshake with the other end went past; between two others nothing is known. */
function between(engine: Engine, source: Member | undefined, destination: Member | undefined): PathElement[] {
  if (!source || !destination) return [];
  const { elements, keys } = engine.node;
  const self = keys.self().id;
  if (source.id === self) return elements.towards(destination.id).map((seen) => seenElement(engine, seen));
  if (destination.id !== self) return [];
  const seen = elements.towards(source.id).map((each) => seenElement(engine, each));
  return seen.map((each) => ({ ...each, side: OTHER_WAY[each.side] })).reverse();
}

/** Where only an element's part in the plan was seen, its certificate says what it is. */
function seenElement(engine: Engine, { id, said }: SeenElement): PathElement {
  if (said) return said;
  const member = engine.node.directory.member(id);
  return member ? elementOf(engine, member, 'n') : { id, type: 'gen', mode: 'op', side: 'n', groups: new Map() };
}

function endAnswer(engine: Engine, end: FlowEnd): ExplainEnd {
  const { asked, member } = end;
  const behind = member !== undefined && !isOverlay(end);
  return { asked, node: member?.name ?? null, behind, alsoGivenTo: behind ? rivals(engine, end) : [] };
}

/** Who else was given the network that this address is reached by. */
function rivals({ node }: Engine, { address, member }: FlowEnd): string[] {
  const length = (each: Member) =>
    Math.max(
      -1,
      ...each.routes.filter((route) => address && prefixCovers(route, address)).map((route) => route.length),
    );
  const own = member ? length(member) : -1;
  const others = [node.keys.self(), ...node.directory.others()].filter(
    (each) => each !== member && each.id !== member?.id,
  );
  return own < 0 ? [] : others.filter((each) => length(each) === own).map(({ name }) => name);
}

function elementAnswer(engine: Engine, element: PathElement, plan: ElementPlan, rule: number): ExplainElement {
  const { keys } = engine.node;
  return {
    name: engine.node.peerName(element.id),
    type: element.type,
    mode: element.mode,
    side: element.side.toUpperCase(),
    action: plan.group ? `${plan.action}(${keys.groupName(plan.group)}, v${plan.version})` : plan.action,
    groups: [...element.groups].map(([group, version]) => `${keys.groupName(group)} v${version}`),
    rule,
  };
}
