import { describe, expect, it } from 'vitest';
import { millis } from '../../../src/base/brands.ts';
import { NAT_KIND } from '../../../src/nat/constants.ts';
import { PLACES } from '../../nat/sim-world.ts';
import { numbersOf } from '../packets.ts';
import { seededRandom } from '../seeded-random.ts';
import { type ReachNode, type ReachServer, type ReachWorld, reachWorld } from './reach-world.ts';

/** What a direction, a handshake and its packet take over a relay, where a leg takes 20 ms; and twice as much. */
const SOON = 14 * 20 + 30;
const LATER = 2 * SOON;

/** Milliseconds until the first packet of this pair arrives; undefined when it never does. */
function firstPacket({ network }: ReachWorld, from: ReachNode, to: ReachNode): number | undefined {
  const begin = network.now;
  from.send(to, 1);
  return network.run(begin + 5_000, () => numbersOf(to.sim).includes(1)) ? network.now - begin : undefined;
}

/** Each node is known to both coordinators. */
function knownToBoth({ network, server, second, a, b }: ReachWorld): void {
  for (const node of [a, b]) node.meet(server, second);
  network.run(network.now + 3_000);
}

function isKnownToBoth(...nodes: readonly ReachNode[]): boolean {
  return nodes.every((node) => node.reach.facts().coordinators.every(({ by }) => by === 'udp'));
}

/** Two servers that die and come back, and two nodes, each connected to one of them: what its connection tells it. */
class Fates {
  readonly #world: ReachWorld;
  readonly #below: (bound: number) => number;
  readonly #home: Map<ReachNode, ReachServer>;
  readonly #order: Map<ReachNode, readonly ReachServer[]>;

  constructor(world: ReachWorld, below: (bound: number) => number) {
    const { server, second, a, b } = world;
    this.#world = world;
    this.#below = below;
    const orders = [
      [server, second],
      [second, server],
    ] as const;
    this.#order = new Map([a, b].map((node) => [node, orders[below(2)] ?? orders[0]]));
    this.#home = new Map([a, b].map((node) => [node, below(2) === 0 ? server : second]));
  }

  /** Its nodes hear of it at once, and are told who coordinates again by the other one, within a second or so. */
  kill(dead: ReachServer): void {
    const { server, second } = this.#world;
    dead.isDown = true;
    for (const [node, home] of this.#home) {
      if (home !== dead) continue;
      this.#tell(node, this.#below(60));
      this.#tell(node, 100 + this.#below(1_000));
      this.#home.set(node, dead === server ? second : server);
    }
  }

  /** It knows nobody any more; all servers tell their nodes of it. */
  bringBack(dead: ReachServer): void {
    dead.restart();
    dead.isDown = false;
    for (const node of this.#home.keys()) this.#tell(node, this.#below(300));
  }

  #tell(node: ReachNode, after: number): void {
    const { network } = this.#world;
    network.at(network.now + after, () => node.meet(...(this.#order.get(node) ?? [])));
  }
}

describe('two nodes that never talked, and two coordinators', () => {
  it('find each other at once by the other one when the one that they ask first is gone', () => {
    const world = reachWorld(PLACES['symmetric'], PLACES['symmetric']);
    knownToBoth(world);
    world.server.isDown = true;
    expect(firstPacket(world, world.a, world.b)).toBeLessThan(300 + SOON);
  });

  it('ask one that answers before one that left a question unanswered', () => {
    const world = reachWorld(PLACES['symmetric'], PLACES['symmetric']);
    knownToBoth(world);
    const { network, server, a, b } = world;
    server.isDown = true;
    a.reach.doubtCoordinators(network.now);
    network.run(network.now + 300);
    expect(firstPacket(world, a, b)).toBeLessThan(SOON);
  });

  it('lose nothing when one of them begins another session while it is named to the other', () => {
    const world = reachWorld(PLACES['symmetric'], PLACES['symmetric']);
    const { network, server, a, b } = world;
    // its HELLO arrives after 20 ms, its REGISTER after 60, and what it is told between these in the former session
    b.meet(server);
    network.run(network.now + 30);
    expect(firstPacket(world, a, b)).toBeLessThan(300 + SOON);
  });

  it('are told again when only one of them was told of the other', () => {
    const world = reachWorld(PLACES['symmetric'], PLACES['symmetric']);
    const { network, a, b } = world;
    let lost = 0;
    network.blocked = ({ bytes, to }) => bytes[0] === NAT_KIND.signal && to.startsWith('203.0.114.') && lost++ === 0;
    expect(firstPacket(world, a, b)).toBeLessThan(500 + LATER);
    expect(lost).toBeGreaterThan(0);
  });

  it('find each other soon by one that forgot both without a word', () => {
    const world = reachWorld(PLACES['symmetric'], PLACES['symmetric']);
    const { network, server, a, b } = world;
    network.run(network.now + 10_000);
    server.restart();
    b.send(a, 1);
    expect(firstPacket(world, a, b)).toBeLessThan(600 + 300 + LATER);
  });

  it('are known again within two seconds of the return of one whose tunnel they opened meanwhile', () => {
    const world = reachWorld(PLACES['symmetric'], PLACES['symmetric']);
    const { network, server, a, b } = world;
    server.isDown = true;
    for (const node of [a, b]) node.meet(server);
    network.run(network.now + 5_000);
    expect(isKnownToBoth(a, b)).toBe(false);
    server.restart();
    server.isDown = false;
    for (const node of [a, b]) node.meet(server);
    expect(network.run(network.now + 2_000, () => isKnownToBoth(a, b))).toBe(true);
  });

  it('lose no first packet, whenever one of them is killed after the other came back', () => {
    for (let seed = 1; seed <= 25; seed++) {
      const random = seededRandom(`fates ${seed}`);
      const below = (bound: number) => new DataView(random(4).buffer).getUint32(0) % bound;
      const kinds = [PLACES['port-restricted'], PLACES['symmetric']];
      const world = reachWorld(kinds[below(2)], kinds[below(2)], seed, {
        delay: 5 + below(40),
        jitter: below(10),
        loss: 0,
      });
      const { network, server, second, a, b } = world;
      knownToBoth(world);
      const fates = new Fates(world, below);
      fates.kill(server);
      network.run(network.now + 500 + below(6_000));
      fates.bringBack(server);
      const back = network.now;
      network.run(millis(back + 400));
      expect(
        network.run(millis(back + 3_000), () => isKnownToBoth(a, b)),
        `seed ${seed}`,
      ).toBe(true);
      network.run(network.now + below(1_500));
      fates.kill(second);
      network.run(network.now + below(1_400));
      expect(firstPacket(world, a, b), `seed ${seed}`).toBeLessThan(2_000);
    }
  }, 60_000);
});
