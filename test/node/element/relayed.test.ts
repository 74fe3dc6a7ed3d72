import { describe, expect, it } from 'vitest';
import type { PitEventAnswer } from '../../../src/api/pit.ts';
import { describeExplanation } from '../../../src/cli/explain.ts';
import { relayedAnswer } from '../../../src/node/answers.ts';
import type { ControlReply } from '../../../src/node/control-socket.ts';
import { explainAnswer } from '../../../src/node/explain.ts';
import { PitWatchers } from '../../../src/node/pit-watchers.ts';
import { numbered } from '../packets.ts';
import type { SimNode } from '../world.ts';
import { Below } from './below.ts';

/** `a` below the closed GEN `g`, which is in no group of theirs, and `b` outside. */
function relaying() {
  const net = new Below('what passes on');
  const b = net.ges('b', '192.0.2.9:47247', undefined);
  const g = net.gen('g', '192.0.2.1:47247', undefined, '10.1.0.0/16', 'cl');
  const a = net.ges('a', '10.1.0.5:47247', g);
  net.isSeenAt(a, g);
  net.settle([a, g]);
  const { world } = net;
  const talk = () => {
    world.send(a, numbered(a, b, 1));
    world.run(500);
    world.send(b, numbered(b, a, 2));
    world.run(500);
  };
  const listed = () => g.engine.elements.relay.relays.list().map((each) => relayedAnswer(g.engine, each, world.now));
  return { net, world, a, b, g, talk, listed };
}

const idOf = (node: SimNode) => node.keys.self().id;
const question = (source: string, destination: string) => ({ source, destination, protocol: 6, port: 0 });

/** A client that hears everything. */
function reader(heard: PitEventAnswer[]): ControlReply {
  return {
    closed: new Promise(() => undefined),
    send: (answer) => void heard.push(JSON.parse(JSON.stringify(answer))),
    waiting: 0,
    drained: () => Promise.resolve(),
    drop: () => undefined,
    end: () => undefined,
    onClose: () => undefined,
  };
}

describe('a GEN that passes ciphertext on between others', () => {
  it('lists who they are, what it does and by which rule, and how much went each way', () => {
    const { a, b, talk, listed, world } = relaying();
    talk();
    const [relayed] = listed();
    expect(listed()).toHaveLength(1);
    expect(relayed).toMatchObject({ startId: idOf(a), endId: idOf(b), action: 'relay', rule: 7 });
    expect(relayed.forward.packets).toBeGreaterThan(0);
    expect(relayed.reverse.packets).toBeGreaterThan(0);
    expect(relayed.packets).toBe(relayed.forward.packets + relayed.reverse.packets);
    const before = relayed.forward;
    world.send(a, numbered(a, b, 3));
    world.run(100);
    const [after] = listed();
    expect(after.forward.packets).toBe(before.packets + 1);
    expect(after.forward.bytes).toBeGreaterThan(before.bytes + 32);
    world.run(30_000, 100);
    expect(listed()[0].idleSeconds).toBeGreaterThan(0);
  });

  it('tells those who watch of each that comes and goes, and first of those that are there', async () => {
    const { world, g, a, b, talk } = relaying();
    const heard: PitEventAnswer[] = [];
    const watchers = new PitWatchers(g.engine, () => world.now);
    void watchers.add(reader(heard), false);
    talk();
    world.run(700_000, 500);
    const seen = heard.flatMap((event) =>
      'relayed' in event ? [[event.event, event.cause, event.relayed.startId]] : [],
    );
    expect(seen[0]).toEqual(['relay-created', '', idOf(a)]);
    expect(seen.at(-1)).toEqual(['relay-closed', 'idle', expect.any(String)]);
    expect(seen.filter(([event]) => event === 'relay-created').length).toBe(
      seen.filter(([event]) => event === 'relay-closed').length,
    );
    const later: PitEventAnswer[] = [];
    talk();
    void watchers.add(reader(later), true);
    await new Promise(setImmediate);
    expect(later[0]).toMatchObject({ event: 'relay-open', relayed: { endId: idOf(b) } });
  });

  it('explains every element that it knows: type, mode, groups, its own action and the rule', () => {
    const { world, g, a, b, talk } = relaying();
    talk();
    const said = explainAnswer(g.engine, question(idOf(a), idOf(b)), world.now);
    expect(said.elements.map(({ type, mode, side, action, rule }) => [type, mode, side, action, rule])).toEqual([
      ['ges', 'op', 'S', 'ENC', 7],
      ['gen', 'cl', 'S', 'RELAY-C', 7],
      [expect.any(String), expect.any(String), 'D', 'ENC', 7],
    ]);
    expect(said.elements[1]).toMatchObject({ name: 'g', groups: [expect.stringMatching(/^routers v\d+$/)] });
    expect([said.result, said.certain, said.now?.relayed.length]).toEqual(['encrypt', false, 1]);
    expect(describeExplanation(said)).toMatch(/RELAY-C[\s\S]*Passed on between others, unread/);
    // the other way round, and by the address in the certificate of the one below
    const [vip] = a.keys.self().addresses;
    const back = explainAnswer(g.engine, question(idOf(b), vip ?? ''), world.now);
    expect(back.elements.map(({ side, action }) => [side, action])).toEqual([
      ['S', 'ENC'],
      ['D', 'RELAY-C'],
      ['D', 'ENC'],
    ]);
  });

  it('says of two whose ciphertext does not pass here what it knows of nodes', () => {
    const { world, g, a, b } = relaying();
    expect(() => explainAnswer(g.engine, question(idOf(a), idOf(b)), world.now)).toThrow(/no node is called/);
  });
});
