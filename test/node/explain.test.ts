import { describe, expect, it } from 'vitest';
import type { ExplainAnswer } from '../../src/api/questions.ts';
import { type GroupId, type KeyVersion, type NodeId, nodeId } from '../../src/base/brands.ts';
import { GscipError } from '../../src/base/errors.ts';
import { describeExplanation } from '../../src/cli/explain.ts';
import { RULES } from '../../src/dprp/decision-table.ts';
import type { PathElement } from '../../src/dprp/path-element.ts';
import { explainAnswer } from '../../src/node/explain.ts';
import { remedyOf } from '../../src/node/explain-remedy.ts';
import { REASON_TEXTS } from '../../src/node/reason-texts.ts';
import { REASONS } from '../../src/node/reasons.ts';
import { parsePrefix } from '../../src/tun/prefix.ts';
import { numbered } from './packets.ts';
import { type SimNode, World } from './world.ts';

const UDP = 17;

/**
 *   a, b in office · c in lab with a · gw: closed router in office, 10.1.0.0/16 behind it · shut: closed, in lab
 */
function network() {
  const world = new World('explain');
  for (const group of ['office', 'lab']) world.authority.group(group);
  world.authority.add('a', ['office', 'lab']);
  world.authority.add('b', ['office']);
  world.authority.add('c', ['lab']);
  world.authority.add('gw', ['office'], ['10.1.0.0/16'], 'cl');
  world.authority.add('shut', ['lab'], [], 'cl');
  const [a, b, c] = ['a', 'b', 'c'].map((name, at) => world.node(name, `10.0.0.${at + 1}:47247`));
  return { world, a, b, c };
}

function explain(
  node: SimNode,
  source: string,
  destination: string,
  now: World,
  protocol = UDP,
  port = 0,
): ExplainAnswer {
  return explainAnswer(node.engine, { source, destination, protocol, port }, now.now);
}

const actions = ({ elements }: ExplainAnswer) => elements.map(({ name, side, action }) => `${name} ${side} ${action}`);
const office = (node: SimNode) =>
  `office, v${node.keys.groups().find(({ id }) => node.keys.groupName(id) === 'office')?.versions[0]?.v}`;

/** An element on the path as it would have said of itself. */
function element(name: string, fields: Partial<PathElement>): PathElement {
  const groups = new Map<GroupId, KeyVersion>();
  return {
    id: nodeId(Buffer.from(name).toString('hex').padEnd(32, '0')),
    type: 'gen',
    mode: 'cl',
    side: 's',
    groups,
    ...fields,
  };
}

function known(node: SimNode, peer: SimNode, ...between: readonly PathElement[]): void {
  node.engine.node.elements.saw(
    idOf(peer),
    between.map((said) => ({ id: said.id, said })),
  );
}

function idOf(node: SimNode): NodeId {
  return node.keys.self().id;
}

function failure(ask: () => unknown): GscipError {
  try {
    ask();
  } catch (error) {
    if (error instanceof GscipError) return error;
    throw error;
  }
  throw new Error('nothing was refused');
}

describe('explain', () => {
  it('names what each end does, under which group and version, and the rule', () => {
    const { world, a } = network();
    const answer = explain(a, 'a', 'b', world);
    expect(actions(answer)).toEqual([`a S ENC(${office(a)})`, `b D ENC(${office(a)})`]);
    expect(answer).toMatchObject({ result: 'encrypt', rule: 'common-group', ruleNumber: 7, remedy: '', certain: true });
    expect(answer.elements.map(({ rule }) => rule)).toEqual([7, 7]);
  });

  it('shows a plain machine by the router that speaks for it', () => {
    const { world, a } = network();
    const answer = explain(a, '10.1.2.3', 'a', world);
    expect(answer.source).toEqual({ asked: '10.1.2.3', node: 'gw', behind: true, alsoGivenTo: [] });
    expect(answer.elements[0]).toMatchObject({ name: 'gw', type: 'gen', mode: 'cl', side: 'S' });
    expect(answer.result).toBe('encrypt');
    expect(describeExplanation(answer)).toMatch(/^10\.1\.2\.3 is behind gw\.$/m);
  });

  it('says for two that share no group that it takes one of the two to be sure', () => {
    const { world, a } = network();
    const answer = explain(a, 'b', 'c', world);
    expect(answer).toMatchObject({
      result: 'discard',
      rule: 'no-common-group',
      ruleNumber: 4,
      certain: false,
      now: null,
    });
    expect(answer.remedy).toBe('ask on b or c: this node knows only the groups that it is in itself');
    expect(describeExplanation(answer)).toContain('This node is neither end');
  });

  it('does not know a node that shares no group with it, and says where it is listed', () => {
    const { world, b } = network();
    expect(failure(() => explain(b, 'b', 'c', world)).remedy).toMatch(/^known are: b, a, gw\n.*gscip admin node list/);
  });

  it('says of a stranger what an open and what a closed node do', () => {
    const { world, a } = network();
    expect(explain(a, 'a', '198.51.100.7', world)).toMatchObject({
      destination: { asked: '198.51.100.7', node: null, behind: false },
      result: 'relay-plain',
      rule: 'open-no-element',
      ruleNumber: 4,
    });
    const closed = explain(a, '198.51.100.7', '10.1.2.3', world);
    expect(closed).toMatchObject({ result: 'discard', rule: 'no-element', ruleNumber: 4 });
    expect(closed.remedy).toMatch(/198\.51\.100\.7 is no member: join it .* or open gw/);
    // nothing goes to an overlay address in clear, nor to one of the pool whose owner is not known here
    const overlayPool = [{ address: Uint8Array.of(100, 64, 0, 0), length: 10 }];
    a.engine.node.paths.setPlace({ interfaces: [], overlay: overlayPool, outer: [] });
    const unknown = { result: 'discard', rule: 'no-common-group' };
    expect(explain(a, 'a', '100.127.9.9', world)).toMatchObject(unknown);
    expect(explain(a, '100.127.9.9', 'a', world)).toMatchObject(unknown);
    a.engine.node.paths.setPlace({ interfaces: [], overlay: [], outer: [] });
    const overlay = a.keys.self().addresses[0];
    expect(explain(a, '198.51.100.7', overlay, world)).toMatchObject({ result: 'discard', rule: 'no-common-group' });
  });

  it('shows the elements between as the last handshake found them, and the same from the other side', () => {
    const { world, a, b } = network();
    const [inner, outer] = [element('inner', { side: 's' }), element('outer', { side: 'd', mode: 'op' })];
    known(a, b, inner, outer);
    const there = explain(a, 'a', 'b', world);
    const rows = (answer: ExplainAnswer) =>
      answer.elements.map(({ mode, side, action }) => `${mode} ${side} ${action}`);
    expect(rows(there)).toEqual([
      `op S ENC(${office(a)})`,
      `cl S RELAY-C(${office(a)})`,
      `op D RELAY-C(${office(a)})`,
      `op D ENC(${office(a)})`,
    ]);
    expect(rows(explain(a, 'b', 'a', world))).toEqual([
      `op S ENC(${office(a)})`,
      `op S RELAY-C(${office(a)})`,
      `cl D RELAY-C(${office(a)})`,
      `op D ENC(${office(a)})`,
    ]);
    known(a, b);
    expect(explain(a, 'a', 'b', world).elements).toHaveLength(2);
  });

  it('shows by its certificate an element of which only the id was seen', () => {
    const { world, a, b } = network();
    const gw = a.engine.node.directory.find('gw');
    if (!gw) throw new Error('gw');
    a.engine.node.elements.saw(idOf(b), [{ id: gw.id, said: null }]);
    expect(explain(a, 'a', 'b', world).elements[1]).toMatchObject({ name: 'gw', type: 'gen', mode: 'cl', side: 'N' });
  });

  it('says that elements which claim one place make no path', () => {
    const { world, a, b } = network();
    known(a, b, element('wall', { side: 'n' }), element('x', { side: 's' }));
    const answer = explain(a, 'a', 'b', world);
    expect(answer).toMatchObject({ result: 'discard', rule: 'malformed-path', ruleNumber: 0 });
    expect(answer.remedy).toContain('compare their routes');
  });

  it('shows the flows that are open, by port, and none of others', () => {
    const { world, a, b } = network();
    world.send(a, numbered(a, b, 1, 5000));
    world.run(100);
    const flows = explain(a, 'a', 'b', world).now?.flows ?? [];
    expect(flows).toMatchObject([{ action: 'encrypt', state: 'confirmed', group: 'office', peer: 'b' }]);
    const port = flows[0].destinationPort;
    expect(explain(a, 'a', 'b', world, UDP, port).now?.flows).toHaveLength(1);
    expect(explain(a, 'a', 'b', world, UDP, port + 1).now?.flows).toEqual([]);
    expect(explain(a, 'a', 'b', world, 6).now?.flows).toEqual([]);
    expect(explain(a, 'b', 'a', world).now?.flows).toEqual([]);
  });

  it('says why packets are dropped although they may talk', () => {
    const { world, a, b } = network();
    world.switchOff(b);
    world.send(a, numbered(a, b, 1, 5000));
    world.run(20_000, 50);
    const { result, now } = explain(a, 'a', 'b', world);
    expect(result).toBe('encrypt');
    expect(now?.blocked).toEqual({ reason: 'timeout', ...REASON_TEXTS.timeout });
    expect(describeExplanation(explain(a, 'a', 'b', world))).toMatch(
      /Now: {4}dropped \(timeout\): .*\nTo do: {2}is it up/,
    );
  });

  it('refuses what is no flow, naming the cause and what to do', () => {
    const { world, a } = network();
    const unknown = failure(() => explain(a, 'a', 'nobody', world));
    expect(unknown).toMatchObject({ code: 'unknown-node', message: 'no node is called "nobody"' });
    expect(unknown.remedy).toMatch(/known are: a, .*\n.*gscip admin node list/);
    expect(failure(() => explain(a, '198.51.100.7', '203.0.113.9', world)).code).toBe('unknown-node');
    expect(failure(() => explain(a, 'b', 'b', world))).toMatchObject({ code: 'same-node' });
  });

  it('lets two machines behind one router talk in clear, which it does not touch', () => {
    const { world, a } = network();
    const answer = explain(a, '10.1.0.1', '10.1.0.2', world);
    expect(answer).toMatchObject({ elements: [{ name: 'gw', side: 'B', action: 'RELAY-P' }], result: 'relay-plain' });
  });
});

describe('the reasons in plain words', () => {
  it.each(
    REASONS.filter((reason) => reason !== ''),
  )('%s is a sentence, with what to do where something is wrong', (reason) => {
    const { text, remedy } = REASON_TEXTS[reason];
    expect(text).toMatch(/^[a-z].+[^.]$/);
    expect(remedy === '').toBe(/^(negotiated|opened)/.test(reason));
  });
});

describe('the version that explain shows', () => {
  it('is the one in force', () => {
    const { world, a, b } = network();
    const before = explain(a, 'a', 'b', world).elements[1].groups;
    world.authority.roll('office');
    for (const node of [a, b]) world.launch(node, node.reload(world));
    world.run(5_000, 50);
    expect(explain(a, 'a', 'b', world).elements[1].groups).not.toEqual(before);
  });
});

describe('what to do, by the rule that gave the result', () => {
  const path: readonly PathElement[] = [
    element('gate', { mode: 'cl', side: 's' }),
    element('b', { type: 'ges', side: 'd' }),
  ];
  const ends = (node: SimNode, other: SimNode) =>
    [node, other].map(({ name, engine }) => ({
      asked: name,
      member: engine.node.directory.find(name),
      address: undefined,
    }));
  it.each([
    ['common-group', /^$/],
    ['old-version', /^67617465.* fetches the newer key by itself .*gscip key reload$/],
    ['closed-uncovered', /^give 67617465.* and the other end a common group: gscip admin group admit GROUP NODE/],
    ['no-common-group', /^make both members of one group, on the server: gscip admin group admit (office|lab) b$/],
    ['no-element', /is no member: join it .*open 67617465.*gscip admin node set NAME --mode op$/],
    ['open-no-element', /^it goes in clear, past GSCIP; to encrypt it, join/],
    [
      'open-no-common-group',
      /^it goes in clear; to encrypt it, on the server: gscip admin group admit (office|lab) b$/,
    ],
    ['malformed-path', /^two nodes claim the same place on the path/],
  ] as const)('%s', (rule, words) => {
    const { a, b } = network();
    const [source, destination] = ends(a, b);
    const stale = { group: a.keys.groups()[0].id, element: 0 };
    const decision = { rule, result: RULES[rule].result, elements: [], stale, alsoOld: [] };
    expect(remedyOf(a.engine, { ends: [source, destination], path, decision, certain: true })).toMatch(words);
  });

  it('C1: says of a network with the addresses of a member that it is at home in it, or that nothing goes there', () => {
    const { world, a } = network();
    const lans = (lan: 'home' | 'strange') =>
      a.engine.node.home.setRefused([{ prefix: parsePrefix('10.1.0.0/16'), why: 'connected', lan, holdsPeer: false }]);
    lans('home');
    expect(explain(a, 'a', '10.1.2.3', world)).toMatchObject({ result: 'relay-plain', rule: 'open-no-element' });
    expect(actions(explain(a, 'a', '10.1.2.3', world))).toEqual(['a S RELAY-P']);
    expect(actions(explain(a, '10.1.2.3', 'a', world))).toEqual(['a D RELAY-P']);
    // the GEN itself is reached by its overlay address, as ever
    expect(explain(a, 'a', 'gw', world).result).toBe('encrypt');
    lans('strange');
    const strange = explain(a, 'a', '10.1.2.3', world);
    expect([strange.result, strange.now?.blocked?.reason]).toEqual(['encrypt', 'lan-not-proved']);
    expect(describeExplanation(strange)).toMatch(/dropped \(lan-not-proved\): .*behind gw/);
    expect(explain(a, 'a', 'gw', world).now?.blocked).toBeNull();
  });

  it('names everybody who was given the network that an address is in', () => {
    const { world, a } = network();
    world.authority.add('rival', ['office'], ['10.1.0.0/16']);
    world.authority.add('part', ['office'], ['10.1.7.0/24']);
    world.launch(a, a.reload(world));
    const shared = explain(a, 'a', '10.1.2.3', world);
    expect(shared.destination).toMatchObject({ node: 'gw', behind: true, alsoGivenTo: ['rival'] });
    expect(describeExplanation(shared)).toContain('10.1.2.3 is behind gw. The same network was given to rival, too.');
    expect(explain(a, 'a', '10.1.7.3', world).destination).toMatchObject({ node: 'part', alsoGivenTo: [] });
    expect(explain(a, 'a', 'gw', world).destination.alsoGivenTo).toEqual([]);
  });
});
