import { describe, expect, it } from 'vitest';
import { numbered, numbersOf } from './packets.ts';
import { pair, type SimNode } from './world.ts';

const entriesOf = (node: SimNode) => node.engine.node.pit.entries.live;
const token = new Uint8Array(8).fill(7);

describe('a ping to a peer with which there is no SA', () => {
  it('makes the SA, and no PIT entry at either end', () => {
    const { world, a, b } = pair();
    expect(a.engine.ping(b.keys.self().id, token, world.now)).toBe(false);
    world.launch(a, a.carryOut());
    world.run(50);
    for (const node of [a, b]) {
      expect([...node.engine.node.sas.sas()]).toHaveLength(1);
      expect(entriesOf(node)).toBe(0);
    }
    expect(a.engine.ping(b.keys.self().id, token, world.now)).toBe(true);
    world.launch(a, a.carryOut());
    world.run(50);
    expect(a.log).toContainEqual(expect.objectContaining({ kind: 'path-response' }));
  });

  it('leaves an SA that carries the flows of both ends', () => {
    const { world, a, b } = pair();
    a.engine.ping(b.keys.self().id, token, world.now);
    world.launch(a, a.carryOut());
    world.run(50);
    world.send(b, numbered(b, a, 1, 4_000));
    world.send(a, numbered(a, b, 2, 5_000));
    world.run(50);
    expect([numbersOf(a), numbersOf(b)]).toEqual([[1], [2]]);
    for (const node of [a, b]) {
      expect([...node.engine.node.sas.sas()]).toHaveLength(1);
      expect(entriesOf(node)).toBe(2);
    }
  });

  it('leaves no entry when nobody answers, but its reason for the flows that follow', () => {
    const { world, a, b } = pair();
    world.wire = () => [];
    a.engine.ping(b.keys.self().id, token, world.now);
    world.launch(a, a.carryOut());
    world.run(16_000, 50);
    expect(entriesOf(a)).toBe(0);
    world.send(a, numbered(a, b, 1));
    expect(a.counter('discarded-timeout')).toBe(1);
  });

  it('is possible with a peer whose PIT has no room', () => {
    const { world, a, b } = pair({ settings: { pitLimits: { entriesPerPeer: 8, newPerSecond: 0 } } });
    a.engine.ping(b.keys.self().id, token, world.now);
    world.launch(a, a.carryOut());
    world.run(50);
    expect(a.engine.ping(b.keys.self().id, token, world.now)).toBe(true);
    expect(a.counter('pit-refused')).toBe(0);
  });
});
