import { describe, expect, it } from 'vitest';
import { type Millis, millis, nodeId } from '../../src/base/brands.ts';
import { pathAddress } from '../../src/base/path-address.ts';
import { encodeControl } from '../../src/dprp/control-record.ts';
import { Roaming, type RoamingEffect } from '../../src/node/roaming.ts';
import { sealAs } from './forge.ts';
import { numbered, numbersOf } from './packets.ts';
import { talk, upTo } from './traffic.ts';
import { pair, type SimNode, type World } from './world.ts';

const ELSEWHERE = '10.7.7.7:5555';

function met() {
  const joined = pair();
  joined.world.send(joined.a, numbered(joined.a, joined.b, 0));
  joined.world.run(100);
  for (const node of [joined.a, joined.b]) node.received.length = 0;
  return joined;
}

const pathTo = (node: SimNode, peer: SimNode) => node.engine.node.paths.peer(peer.keys.self().id).current;

/** `b` gets a packet of `a` from another address than a's own. */
function fromElsewhere(world: World, a: SimNode, b: SimNode, packet: Uint8Array): Uint8Array {
  let bytes = new Uint8Array(0);
  const { wire } = world;
  world.wire = (it) => {
    bytes = it.bytes.slice();
    return [{ ...it, from: pathAddress(ELSEWHERE) }];
  };
  world.send(a, packet);
  world.wire = wire;
  world.run(1);
  expect(b.received.length).toBeGreaterThan(0);
  return bytes;
}

describe('an authentic packet from a new source', () => {
  it('N1: moves nothing: traffic goes on to the old path, and both are challenged', () => {
    const { world, a, b } = met();
    const begin = world.seen.length;
    fromElsewhere(world, a, b, numbered(a, b, 1));
    const challenges = world.seen.slice(begin).filter(({ from }) => from === b.path);
    expect(challenges.map(({ to, bytes }) => [to, bytes.length])).toEqual([
      [ELSEWHERE, 16 + 11 + 16],
      [a.path, 16 + 11 + 16],
    ]);
    world.send(b, numbered(b, a, 2));
    expect(world.seen.at(-1)?.to).toBe(a.path);
    world.run(5_000);
    expect(pathTo(b, a)).toBe(a.path);
    expect(numbersOf(a)).toEqual([2]);
    expect(b.counter('paths-moved')).toBe(0);
  });

  it('N1: moves nothing however often it comes while the old path answers, and costs few challenges', () => {
    const { world, a, b } = met();
    const begin = world.seen.length;
    for (let n = 1; n <= 200; n++) fromElsewhere(world, a, b, numbered(a, b, n));
    const sent = world.seen.slice(begin).filter(({ from, to }) => from === b.path && to === ELSEWHERE);
    world.run(3_000);
    expect(pathTo(b, a)).toBe(a.path);
    // less than a third of what came from there
    expect(sent.reduce((sum, { bytes }) => sum + bytes.length, 0)).toBeLessThan((200 * 76) / 3);
  });

  it('N1: moves nothing when the new path answers and the old one does, too', () => {
    const { world, a, b } = met();
    // a has two ways out for a while, and answers on either
    const other = pathAddress(ELSEWHERE);
    fromElsewhere(world, a, b, numbered(a, b, 1));
    world.wire = (it) => (it.to === other ? [{ ...it, to: a.path }] : undefined);
    const [challenge] = world.seen.filter(({ to }) => to === other);
    world.inject({ ...challenge, from: b.path, to: a.path });
    world.run(5_000);
    expect(pathTo(b, a)).toBe(a.path);
  });

  it('moves traffic when the old path is silent and the new one answers', () => {
    const { world, a, b } = met();
    world.move(a, ELSEWHERE);
    world.send(a, numbered(a, b, 1));
    world.run(3);
    expect(pathTo(b, a)).not.toBe(ELSEWHERE);
    world.run(300);
    expect(pathTo(b, a)).toBe(ELSEWHERE);
    expect(b.counter('paths-moved')).toBe(1);
    world.send(b, numbered(b, a, 2));
    world.run(50);
    expect(numbersOf(a)).toEqual([2]);
    expect(world.seen.filter(({ bytes }) => bytes[0] === 1)).toHaveLength(1);
  });

  it('moves traffic of a live session within half a second, both ways', () => {
    const { world, a, b } = met();
    let n = talk(world, a, b, 500, 20, 0);
    world.move(a, ELSEWHERE);
    n = talk(world, a, b, 500, 20, n);
    const settled = n;
    n = talk(world, a, b, 1_000, 20, n);
    world.run(50);
    expect(numbersOf(b)).toEqual(upTo(n));
    expect(numbersOf(a).filter((number) => number >= settled)).toEqual(upTo(n).slice(settled));
  });

  it('moves traffic of two nodes that move at once as soon as one of them is heard', () => {
    const { world, a, b } = met();
    world.move(a, ELSEWHERE);
    let n = talk(world, a, b, 500, 20, 0);
    world.move(b, '10.8.8.8:6666');
    n = talk(world, a, b, 1_000, 20, n);
    for (const node of [a, b]) node.received.length = 0;
    talk(world, a, b, 200, 20, 5_000);
    world.run(50);
    expect([numbersOf(a).length, numbersOf(b).length]).toEqual([10, 10]);
  });
});

describe('what is not both authentic and newest', () => {
  it('N1: makes no candidate: a replay, an older counter, a forgery, an unknown index', () => {
    const { world, a, b } = met();
    const old: Uint8Array[] = [];
    // one datagram is kept back, and newer ones pass it
    world.wire = (it) => {
      if (it.from !== a.path || old.length > 0) return undefined;
      old.push(it.bytes.slice());
      return [];
    };
    for (let n = 1; n < 5; n++) world.send(a, numbered(a, b, n));
    world.run(20);
    world.wire = () => undefined;
    const replayed = world.seen.filter(({ from, bytes }) => from === a.path && bytes[0] === 16).at(-1)?.bytes;
    if (replayed === undefined) throw new Error('nothing was sent');
    const forged = replayed.map((byte, at) => (at === 20 ? byte ^ 1 : at === 8 ? 0xff : byte));
    const unknown = replayed.map((byte, at) => (at === 4 ? byte ^ 0xff : byte));
    const begin = world.seen.length;
    for (const bytes of [replayed, old[0], forged, unknown]) {
      world.inject({ from: pathAddress(ELSEWHERE), to: b.path, bytes: bytes.slice() });
      world.run(5);
    }
    expect(world.seen).toHaveLength(begin);
    // the older one was authentic, and is delivered
    expect(numbersOf(b)).toEqual([2, 3, 4, 1]);
    expect(pathTo(b, a)).toBe(a.path);
  });

  it('N1: moves nothing when a PATH-RESPONSE has another token than the challenge', () => {
    const { world, a, b } = met();
    world.wire = ({ from, bytes }) => (from === b.path && bytes.length === 43 ? [] : undefined);
    fromElsewhere(world, a, b, numbered(a, b, 1));
    for (let n = 0; n < 20; n++)
      world.launch(a, [sealAs(a, b, encodeControl({ kind: 'path-response', token: new Uint8Array(8).fill(n) }))]);
    world.run(3_000);
    expect(pathTo(b, a)).toBe(a.path);
  });

  it('N1: moves nothing when a handshake from elsewhere completes while the peer is heard where it was', () => {
    const { world, a, b } = met();
    const real = a.path;
    talk(world, a, b, 200, 20, 0);
    // whoever is on the path lets a's new handshake come from another address, and brings the answers back
    world.wire = (it) => {
      if (it.bytes[0] === 16) return undefined;
      if (it.from === real) return [{ ...it, from: pathAddress(ELSEWHERE) }];
      return it.to === ELSEWHERE ? [{ ...it, to: real }] : undefined;
    };
    world.authority.roll('office');
    for (const node of [a, b]) world.launch(node, node.reload(world));
    const n = talk(world, a, b, 3_000, 20, 100);
    world.run(50);
    expect(pathTo(b, a)).toBe(real);
    expect(world.seen.filter(({ to, bytes }) => to === ELSEWHERE && bytes[0] !== 16).length).toBeGreaterThan(0);
    expect(world.seen.filter(({ to, bytes }) => to === ELSEWHERE && bytes[0] === 16)).toEqual([]);
    expect(numbersOf(b).at(-1)).toBe(n - 1);
    expect(numbersOf(a).at(-1)).toBe(n - 1);
  });
});

describe('a trial of paths', () => {
  const PEER = nodeId('11'.repeat(16));
  const [old, fresh] = [pathAddress('10.0.0.1:1'), pathAddress('10.0.0.2:2')];

  function trial() {
    let drawn = 0;
    const roaming = new Roaming((length) => new Uint8Array(length).fill(++drawn));
    const effects = roaming.handleNewSource(PEER, fresh, old, millis(0));
    const nonce = (path: string) => effects.find((effect) => effect.path === path);
    return { roaming, effects, toFresh: nonceOf(nonce(fresh)), toOld: nonceOf(nonce(old)) };
  }

  it('challenges both paths, each with its own token, once', () => {
    const { roaming, effects, toFresh, toOld } = trial();
    expect(effects.map(({ kind, path }) => [kind, path])).toEqual([
      ['challenge', fresh],
      ['challenge', old],
    ]);
    expect(toFresh).not.toEqual(toOld);
    expect(roaming.handleNewSource(PEER, fresh, old, millis(1_999))).toEqual([]);
    expect(roaming.handleNewSource(PEER, fresh, old, millis(2_000))).toHaveLength(2);
  });

  /** Which path answers when (ms), and when, if ever, traffic moves. */
  const rows: readonly (readonly [name: string, fresh: number | null, old: number | null, moved: number | null])[] = [
    ['only the new one answers', 20, null, 120],
    ['the new one answers late', 1_500, null, 1_600],
    ['the old one answers first', 40, 10, null],
    ['the old one answers second, in time', 10, 100, null],
    ['the old one answers too late', 10, 130, 110],
    ['only the old one answers', null, 20, null],
    ['none answers', null, null, null],
  ];
  it.each(rows)('when %s', (_, freshAt, oldAt, moved) => {
    const { roaming, toFresh, toOld } = trial();
    const moves: [number, RoamingEffect][] = [];
    for (let now = 0; now <= 4_000; now += 10) {
      if (now === freshAt) roaming.handleResponse(PEER, toFresh, time(now));
      if (now === oldAt) roaming.handleResponse(PEER, toOld, time(now));
      for (const effect of roaming.tick(time(now))) moves.push([now, effect]);
    }
    const expected = moved === null ? [] : [[moved, { kind: 'move', peer: PEER, path: fresh }]];
    expect(moves).toEqual(expected);
    expect(roaming.nextDeadline()).toBeUndefined();
  });

  it('wants its next tick when the old path has had its time', () => {
    const { roaming, toFresh } = trial();
    expect(roaming.nextDeadline()).toBeUndefined();
    roaming.handleResponse(PEER, toFresh, millis(20));
    expect(roaming.nextDeadline()).toBe(120);
  });

  it('hears nothing from other peers', () => {
    const { roaming, toFresh } = trial();
    roaming.handleResponse(nodeId('22'.repeat(16)), toFresh, millis(10));
    expect(roaming.tick(millis(1_000))).toEqual([]);
  });
});

const time = (ms: number): Millis => millis(ms);

function nonceOf(effect: RoamingEffect | undefined): Uint8Array {
  if (effect?.kind !== 'challenge') throw new Error('no challenge');
  return effect.nonce;
}
