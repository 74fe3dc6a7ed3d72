import { describe, expect, it } from 'vitest';
import { numbered, numbersOf, swapPorts } from './packets.ts';
import { keysHeld, sendsUnder, served } from './served.ts';
import { lossCounters, NO_LOSS, upTo } from './traffic.ts';
import type { SimNode } from './world.ts';

/** STALE as a datagram. */
const STALE = 6;

/**
 * The papers' nine steps of a rollover (requirements R73–R81): one server that is always on, two clients that ask for
 * keys at their start, or when they are told that theirs are old. Flows stay on the key that admitted them.
 */
describe('the nine steps of a rollover, with traffic', () => {
  const { world, server: gms, nodes } = served(['server', 'one', 'two'], { retain: 'flow' });
  const [server, one, two] = nodes;
  let old = 0;
  let sentByOne = 0;

  /** Client 1 and the server talk; every packet must be there before the next one goes: no loss, no pause. */
  function session(seconds: number): void {
    for (let n = 0; n < 10 * seconds; n++) {
      world.send(one, numbered(one, server, sentByOne));
      world.send(server, swapPorts(numbered(server, one, sentByOne)));
      world.run(100, 50);
      sentByOne += 1;
      expect(from(server, one)).toHaveLength(sentByOne);
      expect(numbersOf(one)).toHaveLength(sentByOne);
    }
  }

  function from(node: SimNode, sender: SimNode): number[] {
    const address = [...sender.address(4)].join('.');
    const packets = node.received.filter((packet) => packet.subarray(12, 16).join('.') === address);
    return packets.map((packet) => new DataView(packet.buffer, packet.byteOffset).getUint32(28));
  }

  it('(1, 2) everybody holds the same key', () => {
    [old] = world.authority.versions('office');
    for (const node of nodes) expect(keysHeld(node)).toContain(old);
    // what was before the last member came is out of its grace
    world.run(61_000, 500);
    for (const node of nodes) expect(keysHeld(node)).toEqual([old]);
  });

  it('(3) client 1 talks with the server', () => {
    session(5);
    expect(sendsUnder(one, server)).toEqual([old]);
  });

  it('(4) the server is given a new key during that session, and keeps the old one; nothing pauses', () => {
    world.authority.roll('office');
    gms.push(server);
    expect(keysHeld(server)).toEqual([old + 1, old]);
    session(200);
    // the grace is over and the SA was rekeyed, under the old key
    expect(keysHeld(server)).toEqual([old + 1, old]);
    expect(keysHeld(one)).toEqual([old]);
    expect([sendsUnder(one, server), sendsUnder(server, one)]).toEqual([[old], [old]]);
    expect([...server.engine.node.sas.sas()].some(({ receiveSince }) => world.now - receiveSince < 120_000)).toBe(true);
  });

  it('(5, 6, 7) client 2 is told that its key is old, fetches, discards the old key, and its first packet arrives once', () => {
    gms.delay = 4_000;
    const before = world.seen.length;
    world.send(two, numbered(two, server, 7));
    world.run(3_900);
    // nothing but the answer that its key is old
    const answers = world.seen.slice(before).filter((datagram) => datagram.to === two.path);
    expect(new Set(answers.map(({ bytes }) => bytes[0]))).toEqual(new Set([STALE]));
    expect(from(server, two)).toEqual([]);
    expect([...two.engine.node.sas.sas()]).toEqual([]);
    expect(keysHeld(two)).toEqual([old]);
    world.run(200);
    expect(gms.fetches.get('two')).toBe(1);
    expect(from(server, two)).toEqual([7]);
    expect(two.counter('held-expired')).toBe(0);
    world.run(1_000, 50);
    expect(keysHeld(two)).toEqual([old + 1]);
    expect([sendsUnder(two, server), sendsUnder(one, server)]).toEqual([[old + 1], [old]]);
    // sessions of both keys side by side
    gms.delay = 20;
    session(130);
    expect(keysHeld(server)).toEqual([old + 1, old]);
    expect(keysHeld(one)).toEqual([old]);
    expect(gms.fetches.get('one')).toBeUndefined();
    expect(from(server, one)).toEqual(upTo(sentByOne));
    expect(numbersOf(one)).toEqual(upTo(sentByOne));
    expect(lossCounters(...nodes)).toEqual(NO_LOSS);
  });

  it('(8) client 1 ends: the server discards the old key, client 1 still has it, and renews at its next communication', () => {
    world.run(310_000, 500);
    expect(keysHeld(server)).toEqual([old + 1]);
    expect(keysHeld(one)).toEqual([old]);
    expect(gms.fetches.get('one')).toBeUndefined();
    world.send(one, numbered(one, server, sentByOne, 6_000));
    world.run(200);
    expect(from(server, one).at(-1)).toBe(sentByOne);
    expect(from(server, one)).toHaveLength(sentByOne + 1);
    world.run(1_000, 50);
    expect(keysHeld(one)).toEqual([old + 1]);
    expect(gms.fetches.get('one')).toBe(1);
  });

  it('(9) client 2 ends: all hold nothing but the new key', () => {
    world.run(310_000, 500);
    for (const node of nodes) {
      expect(keysHeld(node)).toEqual([old + 1]);
      expect(node.engine.node.pit.entries.live).toBe(0);
    }
    expect(from(server, two)).toEqual([7]);
  });
});
