import { describe, expect, it } from 'vitest';
import { Nat, type Packet } from './sim-network.ts';
import {
  behind,
  GOOD_LINK,
  longestGap,
  makeWorld,
  PLACES,
  type Place,
  routes,
  type SimWorld,
  talk,
} from './sim-world.ts';

const CONE = PLACES['port-restricted'];
const RESTRICTED = { mapping: 'endpoint', filtering: 'port' } as const;

/** What goes straight from node to node: data, handshakes, probes. */
const DIRECT_ONLY = ({ bytes: [kind] }: Packet) => kind < 0x20 || kind === 0x38 || kind === 0x39;

function away(world: SimWorld, side: number): void {
  const nat = new Nat(world.network.internet, `203.0.${200 + side}.1`, RESTRICTED);
  (side === 1 ? world.a : world.b).move(nat.inside, `192.168.77.${side}`);
}

function direct(first: Place = CONE, second: Place = CONE, seed = 1): SimWorld {
  const world = makeWorld(first, second, seed);
  talk(world, 3_000);
  expect(routes(world)).toEqual(['direct', 'direct']);
  return world;
}

describe('a node that moves to another network', () => {
  it.each([
    ['behind a NAT to behind another', CONE, CONE],
    ['from a public address, the peer behind a NAT', PLACES['open'], CONE],
    ['the peer at a public address', CONE, PLACES['open']],
  ])('has its traffic back within a second: %s', (_name, first, second) => {
    const world = direct(first, second);
    const before = world.network.now;
    away(world, 1);
    talk(world, 8_000);
    expect(longestGap(world, before)).toBeLessThanOrEqual(1_000);
    expect(routes(world)).toEqual(['direct', 'direct']);
  });

  it('has it back when both move at once', () => {
    const world = direct();
    const before = world.network.now;
    away(world, 1);
    away(world, 2);
    talk(world, 8_000);
    expect(longestGap(world, before)).toBeLessThanOrEqual(1_500);
    expect(routes(world)).toEqual(['direct', 'direct']);
  });

  it('has it back for fifty moves at any moment, with loss and jitter: a second in the median, three at worst', () => {
    const gaps: number[] = [];
    for (let seed = 0; seed < 50; seed++) {
      const world = direct(CONE, CONE, seed);
      world.network.quality = { delay: 25, jitter: 10, loss: 0.01 };
      world.network.run(world.network.now + seed * 13);
      const before = world.network.now;
      away(world, 1);
      talk(world, 4_500);
      gaps.push(longestGap(world, before));
    }
    gaps.sort((x, y) => x - y);
    expect(gaps[25]).toBeLessThanOrEqual(1_000);
    expect(gaps[49]).toBeLessThanOrEqual(3_000);
  });

  it('N1: keeps sending by the old path until the new one answered', () => {
    const world = direct();
    const { a, b, network } = world;
    const old = a.routeTo(b.id);
    network.quality = { ...GOOD_LINK, loss: 1 };
    a.move(new Nat(network.internet, '203.0.210.1', RESTRICTED).inside, '192.168.78.1');
    talk(world, 5_000);
    expect(a.routeTo(b.id)).toEqual(old);
  });
});

describe('a direct path that dies', () => {
  it('gives way to the relay within 1.5 s, and `status` says why', () => {
    const world = direct();
    const { a, b, network } = world;
    const before = network.now;
    network.blocked = DIRECT_ONLY;
    talk(world, 5_000);
    expect(routes(world)).toEqual(['relay', 'relay']);
    expect(longestGap(world, before)).toBeLessThanOrEqual(1_500);
    expect(a.agents.agent(b.id).report(network.now).reason).toBe('relay-direct-died');
  });

  it('is used again when it comes back, later each time it died: it never flaps', () => {
    const world = direct();
    const { a, network } = world;
    const start = network.now;
    let broken = false;
    const flip = () => {
      broken = !broken;
      network.blocked = broken ? DIRECT_ONLY : () => false;
      network.at(network.now + 3_000, flip);
    };
    flip();
    talk(world, 120_000);
    const moves = a.moves.filter(({ at }) => at >= start);
    // forty flips of the network
    expect(moves.length).toBeGreaterThanOrEqual(2);
    expect(moves.length).toBeLessThanOrEqual(14);
  });

  it('is left when the router forgets its mappings, and found anew', () => {
    const world = makeWorld(CONE, PLACES['open']);
    talk(world, 3_000);
    const { network } = world;
    const before = network.now;
    network.nats.forEach((nat) => {
      nat.forget();
    });
    talk(world, 8_000);
    expect(routes(world)).toEqual(['direct', 'direct']);
    expect(longestGap(world, before)).toBeLessThanOrEqual(2_000);
  });
});

describe('the relay and the coordinator', () => {
  it('may go: established direct paths are not affected', () => {
    const world = direct();
    world.relay.down = true;
    world.coordinator.down = true;
    const before = world.network.now;
    talk(world, 20_000);
    expect(longestGap(world, before)).toBeLessThanOrEqual(200);
    expect(routes(world)).toEqual(['direct', 'direct']);
  });

  it('N1: a relay source never displaces a live direct path', () => {
    const world = direct();
    const { a, b } = world;
    const moves = a.moves.length;
    const { forwarded } = world.relay;
    b.sendByRelay(a.id);
    talk(world, 3_000);
    expect(world.relay.forwarded).toBeGreaterThan(forwarded);
    expect(a.moves.length).toBe(moves);
    expect(routes(world)).toEqual(['direct', 'direct']);
  });
});

describe('two nodes on one network', () => {
  const home = (hairpin: boolean): [Place, Place] => {
    let nat: Nat | undefined;
    const place: Place = (network, side) => {
      if (side === 1 || !nat) nat = new Nat(network.internet, '203.0.113.1', { ...RESTRICTED, hairpin });
      return [nat.inside, `192.168.1.${10 + side}`];
    };
    return [place, place];
  };

  it.each([
    ['with a hairpin', true],
    ['without a hairpin', false],
  ])('meet at their own addresses behind one router %s', (_name, hairpin) => {
    const [first, second] = home(hairpin);
    const world = direct(first, second);
    expect(world.a.routeTo(world.b.id)).toEqual({ kind: 'direct', address: world.b.path });
    expect(world.a.agents.agent(world.b.id).report(world.network.now).reason).toBe('lan');
  });

  it('do not take the same prefix of another home for their own', () => {
    const strange: Place = (network, side) => [
      new Nat(network.internet, `203.0.113.${side}`, RESTRICTED).inside,
      `192.168.1.${10 + side}`,
    ];
    const world = makeWorld(strange, strange);
    const { a, b, network } = world;
    // somebody else has the peer's address here
    let asked = 0;
    network.nats[0].inside.attach('192.168.1.12', { handlePacket: () => asked++ });
    talk(world, 5_000);
    expect(asked).toBeGreaterThan(0);
    expect(asked).toBeLessThanOrEqual(5);
    expect(a.routeTo(b.id)).toEqual({ kind: 'direct', address: b.reflexive });
  });

  it('meet by the outer address where their networks do not reach each other but the router hairpins', () => {
    let carrier: Nat | undefined;
    const place: Place = (network, side) => {
      if (side === 1 || !carrier) carrier = new Nat(network.internet, '203.0.113.1', { ...RESTRICTED, hairpin: true });
      const own = new Nat(carrier.inside, `100.100.0.${side}`, RESTRICTED);
      return [own.inside, `192.168.${side}.10`];
    };
    const world = makeWorld(place, place);
    talk(world, 5_000);
    expect(routes(world)).toEqual(['direct', 'direct']);
  });
});

describe('an idle pair', () => {
  it('costs one datagram a side in 25 s, and its path lives on', () => {
    const world = makeWorld(behind({ ...RESTRICTED, life: 60_000 }), behind({ ...RESTRICTED, life: 60_000 }));
    talk(world, 3_000);
    const { a, b, network } = world;
    network.run(network.now + 5_000);
    const start = network.now;
    network.sent.length = 0;
    network.run(start + 250_000);
    for (const node of [a, b]) {
      const toPeer = network.sent.filter(({ packet }) => packet.from === node.path && packet.bytes[0] === 0x10);
      expect(toPeer.length).toBeLessThanOrEqual(11);
      expect(toPeer.length).toBeGreaterThanOrEqual(9);
    }
    const before = network.now;
    talk(world, 1_000);
    expect(longestGap(world, before)).toBeLessThanOrEqual(150);
    expect(routes(world)).toEqual(['direct', 'direct']);
  });
});
