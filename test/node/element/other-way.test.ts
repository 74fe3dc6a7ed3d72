import { describe, expect, it } from 'vitest';
import { type PathAddress, pathAddress } from '../../../src/base/path-address.ts';
import { encodeNoEntryHop } from '../../../src/dprp/no-entry-hop.ts';
import { numbered, numbersOf } from '../packets.ts';
import { lossCounters, NO_LOSS, upTo } from '../traffic.ts';
import type { Flying, SimNode } from '../world.ts';
import { Below } from './below.ts';

/*
 * Two ways through one element, both of which work all the time:
 *
 *   a ── g ══ 192.0.2.0/24 ═════ b
 *        └═══ 198.51.100.0/24 ═══┘
 */
const OTHER_B = pathAddress('198.51.100.9:47247');
const OTHER_G = pathAddress('198.51.100.1:47247');
/** Where each of them sends, one after the other: where the former way works, too, it is taken again. */
const [FIRST_B, FIRST_G] = [pathAddress('192.0.2.9:47247'), pathAddress('192.0.2.1:47247')];
const THERE_AND_BACK = [
  [FIRST_B, OTHER_B, FIRST_B],
  [FIRST_G, OTHER_G, FIRST_G],
];
/** Each way of each datagram takes so long. */
const DELAY = 20;
const [DDE, MPIT, CDN] = [1, 3, 4];

/** Where a node sends to a peer now, without the channel that it does so by, if that is another place than before. */
function note(ways: PathAddress[], { engine }: SimNode, peer: SimNode): void {
  const { current } = engine.node.paths.peer(peer.keys.self().id);
  const way = current && engine.elements.endpointOf(current);
  if (way !== undefined && way !== ways.at(-1)) ways.push(way);
}

/** `a` and `b` have spoken by the first way; the next handshake of `a` runs by the other one. */
function twoWays(seed: string) {
  const net = new Below(seed);
  const { world } = net;
  const b = net.ges('b', FIRST_B, undefined);
  const g = net.gen('g', FIRST_G, undefined, '10.1.0.0/16');
  const a = net.ges('a', '10.1.0.5:47247', g);
  net.isSeenAt(a, g);
  net.settle([a, g]);
  const { wire } = world;
  /** what is lost on its way */
  const lost: ((flying: Flying) => boolean)[] = [];
  const left: string[] = [];
  const ways: readonly [PathAddress[], PathAddress[]] = [[], []];
  world.wire = (flying) => {
    const { from, to, bytes } = flying;
    note(ways[0], a, b);
    note(ways[1], b, a);
    if (from === a.path) left.push(`${bytes[8]}`);
    if (lost.some((isLost) => isLost(flying))) return [];
    if (to === OTHER_B) return [{ ...flying, from: OTHER_G, to: b.path }];
    if (to === OTHER_G) return [{ ...flying, from: OTHER_B, to: g.path }];
    return wire(flying);
  };
  world.delay = DELAY;
  for (const [from, to] of [
    [a, b],
    [b, a],
  ] as const) {
    world.send(from, numbered(from, to, 0));
    world.run(500);
  }
  const [sa] = a.engine.node.sas.sas();
  const takeOtherWay = () => {
    a.engine.node.paths.hint(b.keys.self().id, OTHER_B);
    lost.push(({ to, bytes }) => to === b.path && bytes[0] === DDE);
    world.inject({ from: g.path, to: a.path, bytes: encodeNoEntryHop(sa.remote) });
  };
  return { net, world, a, b, g, left, lost, takeOtherWay, ways };
}

/** Both send every 5 ms for so long; the number after the last one. */
function talk({ world, a, b }: ReturnType<typeof twoWays>, duration: number): number {
  let number = 1;
  for (let time = 0; time < duration; time += 5, number++) {
    world.send(a, numbered(a, b, number));
    world.send(b, numbered(b, a, number));
    world.run(5);
  }
  world.run(500);
  return number;
}

const inOrder = (numbers: readonly number[]) => [...numbers].sort((one, other) => one - other);

describe('a pair that goes over to another way through an element loses nothing', () => {
  it.each([
    ['while both send', 0],
    ['after a silence', 2_000],
  ])('%s', (title, silence) => {
    const all = twoWays(title);
    const { world, a, b, g } = all;
    world.run(silence);
    all.takeOtherWay();
    const end = talk(all, 600);
    expect([inOrder(numbersOf(b)), inOrder(numbersOf(a))]).toEqual([upTo(end), upTo(end)]);
    expect(all.ways).toEqual(THERE_AND_BACK);
    expect(lossCounters(a, b, g)).toEqual(NO_LOSS);
    expect(g.counter('element-no-entry')).toBe(0);
  });

  it('where the end of the handshake comes late', () => {
    const all = twoWays('late');
    const { world, a, b, g } = all;
    const until = world.now + 300;
    all.lost.push(({ from, bytes }) => world.now < until && from === b.path && bytes[0] === CDN);
    all.takeOtherWay();
    const end = talk(all, 2_000);
    expect([inOrder(numbersOf(b)), inOrder(numbersOf(a))]).toEqual([upTo(end), upTo(end)]);
    expect(all.ways).toEqual(THERE_AND_BACK);
    expect(g.counter('element-no-entry')).toBe(0);
  });

  it('where the end that began has been silent and speaks in the middle of the handshake', () => {
    const all = twoWays('middle');
    const { world, a, b, g, left } = all;
    world.run(5_000);
    left.length = 0;
    all.takeOtherWay();
    world.meanwhile = () => {
      if (!left.includes(`${MPIT}`)) return;
      world.meanwhile = () => undefined;
      world.send(a, numbered(a, b, 1));
    };
    world.run(1_000);
    expect(numbersOf(b)).toEqual([0, 1]);
    expect(all.ways).toEqual(THERE_AND_BACK);
    expect(g.counter('element-no-entry')).toBe(0);
  });
});
