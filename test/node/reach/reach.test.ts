import { describe, expect, it } from 'vitest';
import { concat } from '../../../src/base/bytes.ts';
import { decodeBinding } from '../../../src/nat/bind.ts';
import { encodeFrame } from '../../../src/nat/relay-frame.ts';
import { HELLO_LOAD } from '../../../src/server/dc/dc-limits.ts';
import { behind, PLACES, type Place } from '../../nat/sim-world.ts';
import { spoofedHello } from '../../server/dc/spoofed-hello.ts';
import { numbersOf } from '../packets.ts';
import { MAIN, RELAY, type ReachNode, type ReachWorld, reachWorld } from './reach-world.ts';

function kindOf(path: string | undefined): string {
  return path === undefined ? 'none' : path.startsWith('relay:') ? 'relay' : 'direct';
}

function kinds({ a, b }: ReachWorld): readonly string[] {
  return [kindOf(a.pathTo(b)), kindOf(b.pathTo(a))];
}

/** Both ends send a packet each 50 ms for so long; returns the next number. */
function talk({ network, a, b }: ReachWorld, duration: number, first = 1): number {
  const begin = network.now;
  const count = duration / 50;
  for (let at = 0; at < count; at++)
    network.at(begin + 50 * at, () => {
      a.send(b, first + at);
      b.send(a, first + at);
    });
  network.run(begin + duration + 500);
  return first + count;
}

/** Of the numbers from `first` on, those that did not come. */
function missing(node: ReachNode, first: number, end: number): number[] {
  const came = new Set(numbersOf(node.sim));
  return Array.from({ length: end - first }, (_, at) => first + at).filter((number) => !came.has(number));
}

/** Milliseconds from the first packet of the pair to its arrival. */
function firstArrival({ network, a, b }: ReachWorld): number {
  const begin = network.now;
  a.send(b, 1);
  while (missing(b, 1, 2).length > 0 && network.now < begin + 2_000) network.run(network.now + 5);
  return network.now - begin;
}

function elsewhere(world: ReachWorld, side: number): ReturnType<Place> {
  return behind({ mapping: 'endpoint', filtering: 'port' })(world.network, side);
}

describe('two whole nodes with a coordinator', () => {
  it.each([
    ['port-restricted', 'port-restricted', 'direct'],
    ['symmetric', 'symmetric', 'relay'],
    ['open', 'symmetric', 'direct'],
    ['double NAT', 'full cone', 'direct'],
    ['UDP blocked', 'port-restricted', 'relay'],
    ['UDP walled', 'open', 'relay'],
    ['UDP walled', 'UDP walled', 'relay'],
  ])('%s and %s get through, and lose nothing from the first packet on: %s', (first, second, kind) => {
    // PLACES knows walls that let the server's UDP pass; behind these nothing does
    const walled: Place = (network, side) =>
      behind({ mapping: 'endpoint', filtering: 'port', only: [] })(network, side);
    const placeOf = (name: string) => PLACES[name] ?? walled;
    const world = reachWorld(placeOf(first), placeOf(second));
    const end = talk(world, 5_000);
    expect(kinds(world)).toEqual([kind, kind]);
    expect(missing(world.b, 1, end)).toEqual([]);
    expect(missing(world.a, 1, end)).toEqual([]);
  });

  it('that only a relay joins send the handshake right behind BIND, once their address was proved there', () => {
    const world = reachWorld(PLACES['symmetric'], PLACES['symmetric']);
    // 4 legs of signals, then 3 messages and the packet over 2 legs each; a leg takes 20 ms
    expect(firstArrival(world)).toBeLessThan(12 * 20 + 30);
  });

  it('send the handshake again behind the BIND that a relay takes, where the first was thrown away with its proof', () => {
    const world = reachWorld(PLACES['symmetric'], PLACES['symmetric']);
    world.server.restartRelay();
    expect(firstArrival(world)).toBeLessThan(14 * 20 + 30);
    expect(world.server.counters.get('relay-unbound')).toBe(1);
  });

  it('say why a peer is relayed', () => {
    const world = reachWorld(PLACES['symmetric'], PLACES['symmetric']);
    talk(world, 8_000);
    expect(world.a.reasonFor(world.b)).toBe('relay-both-symmetric');
  });

  it('go on when the coordinator is gone, and find each other anew when it is back', () => {
    const world = reachWorld(PLACES['port-restricted'], PLACES['port-restricted']);
    const { server, network, a, b } = world;
    const end = talk(world, 2_000);
    server.isDown = true;
    expect(missing(b, 1, talk(world, 5_000, end))).toEqual([]);
    server.restart();
    server.isDown = false;
    for (const node of [a, b]) {
      node.meet(server);
      node.sim.engine.flush(true, network.now);
    }
    network.run(network.now + 500);
    const last = talk(world, 1_000, 1_000);
    expect(missing(b, 1_000, last)).toEqual([]);
    expect(missing(a, 1_000, last)).toEqual([]);
  });

  it('that never talked, where nobody is left to ask, try what the server told of the other one', () => {
    const world = reachWorld(PLACES['open'], PLACES['open']);
    const { server, network, a, b } = world;
    network.run(network.now + 1_000);
    a.sim.engine.handleEndpoints(b.id, [b.sim.path]);
    server.isDown = true;
    const begin = network.now;
    a.send(b, 1);
    while (missing(b, 1, 2).length > 0 && network.now < begin + 20_000) network.run(network.now + 50);
    // it is silence for two seconds that says so; a packet is held for three
    expect([missing(b, 1, 2), network.now - begin < 3_000]).toEqual([[], true]);
  });

  it('greet a coordinator that was restarted without being told, as soon as they need it', () => {
    const world = reachWorld(PLACES['port-restricted'], PLACES['port-restricted']);
    world.network.run(world.network.now + 20_000);
    world.server.restart();
    const end = talk(world, 4_000);
    expect(missing(world.b, 1, end)).toEqual([]);
    expect(kinds(world)).toEqual(['direct', 'direct']);
  });

  it('greet it before they need it where something says that it may be gone', () => {
    const world = reachWorld(PLACES['port-restricted'], PLACES['port-restricted']);
    const { network, server, a, b } = world;
    network.run(network.now + 10_000);
    server.restart();
    for (const { sim } of [a, b]) sim.engine.reach.doubtCoordinators(network.now);
    network.run(network.now + 4_000);
    const end = talk(world, 1_000);
    expect([missing(a, 1, end), missing(b, 1, end)]).toEqual([[], []]);
  });

  it('find each other also while the coordinator drowns in HELLOs from addresses that nobody has', () => {
    const world = reachWorld(PLACES['port-restricted'], PLACES['symmetric']);
    const { server, network } = world;
    server.restart();
    let number = 0;
    const flood = () => {
      for (let at = 0; at < 20; at++) {
        const [bytes, from] = spoofedHello(++number);
        server.handlePacket({ bytes, from, to: MAIN });
      }
      if (network.now < begin + 8_000) network.at(network.now + 10, flood);
    };
    const begin = network.now;
    flood();
    network.run(begin + 2_000);
    const end = talk(world, 5_000);
    expect(kinds(world)).toEqual(['relay', 'relay']);
    expect(missing(world.b, 40, end)).toEqual([]);
    // no more were opened than in the second before the load was noticed
    expect(server.counters.get('dc-hello-auth')).toBeLessThanOrEqual(HELLO_LOAD);
    expect(server.counters.get('dc-cookie-asked')).toBeGreaterThan(10_000);
  });

  it('bind their channel anew when the relay forgot it', () => {
    const world = reachWorld(PLACES['symmetric'], PLACES['symmetric']);
    const end = talk(world, 3_000);
    world.server.restartRelay();
    talk(world, 30_000, end);
    const last = talk(world, 3_000, 2_000);
    expect(missing(world.b, 2_000, last)).toEqual([]);
  });

  it('leave a relay that died also where both processes stand still for up to 0.4 s again and again', () => {
    const silences = Array.from({ length: 5 }, (_, seed) => {
      const world = reachWorld(PLACES['symmetric'], PLACES['symmetric'], seed, { delay: 10, jitter: 2, loss: 0.01 });
      const { network, server, second, a, b } = world;
      server.adopt(second);
      for (const node of [a, b]) node.meet(server);
      network.run(network.now + 3_000);
      for (const node of [a, b]) {
        const stall = () => {
          node.standStill(400 * network.random());
          network.at(network.now + 400 + 100 * network.random(), stall);
        };
        stall();
      }
      const end = talk(world, 4_000);
      const used = a.pathTo(b)?.includes(RELAY) ? server : second;
      used.isRelayDown = true;
      const last = talk(world, 4_000, end);
      return 50 * Math.max(missing(a, end, last).length, missing(b, end, last).length);
    }).sort((x, y) => x - y);
    expect(silences.at(2)).toBeLessThan(1_700);
    expect(silences.at(-1)).toBeLessThan(2_200);
  }, 60_000);

  it('keep their SA when one of them moves', () => {
    const world = reachWorld(PLACES['port-restricted'], PLACES['port-restricted']);
    const end = talk(world, 3_000);
    world.a.move(elsewhere(world, 5));
    talk(world, 3_000, end);
    const last = talk(world, 2_000, 500);
    expect(missing(world.b, 500, last)).toEqual([]);
    expect(missing(world.a, 500, last)).toEqual([]);
    expect(kinds(world)).toEqual(['direct', 'direct']);
    expect([...world.b.sim.engine.node.sas.sas()].every(({ receiveSince }) => receiveSince < 16_000)).toBe(true);
  });

  it('keep their SA when both move at once', () => {
    const world = reachWorld(PLACES['port-restricted'], PLACES['port-restricted']);
    const end = talk(world, 3_000);
    world.a.move(elsewhere(world, 5));
    world.b.move(elsewhere(world, 6));
    talk(world, 4_000, end);
    const last = talk(world, 2_000, 500);
    expect(missing(world.b, 500, last)).toEqual([]);
    expect(missing(world.a, 500, last)).toEqual([]);
  });

  it('leave the tunnel when UDP opens', () => {
    let open = false;
    const wall: Place = (network, side) => {
      network.blocked = () => !open;
      return behind({ mapping: 'endpoint', filtering: 'port' })(network, side);
    };
    const world = reachWorld(wall, PLACES['port-restricted']);
    const end = talk(world, 2_000);
    expect(kinds(world)).toEqual(['relay', 'relay']);
    open = true;
    talk(world, 10_000, end);
    expect(missing(world.b, 1, 40)).toEqual([]);
    expect(kinds(world)).toEqual(['direct', 'direct']);
  });

  it('N5: take frames only of a channel that they bound, from its relay', () => {
    const world = reachWorld(PLACES['symmetric'], PLACES['symmetric']);
    talk(world, 2_000);
    const { b } = world;
    const frame = concat(encodeFrame(77), Uint8Array.of(0x10), new Uint8Array(40));
    b.handlePacket({ from: RELAY, to: b.sim.path, bytes: frame });
    expect(b.sim.counter('frame-unbound')).toBe(1);
    const before = b.sim.counter('unknown-kind');
    b.handlePacket({
      from: RELAY,
      to: b.sim.path,
      bytes: concat(encodeFrame(77), Uint8Array.of(0x38), new Uint8Array(93)),
    });
    expect(b.sim.counter('frame-bad')).toBe(1);
    expect(b.sim.counter('unknown-kind')).toBe(before);
  });

  it('N5: take frames from the BIND with a proof on, as what the relay kept is read in one go with BIND-ACK', () => {
    const world = reachWorld(PLACES['symmetric'], PLACES['symmetric']);
    const { network, server, a, b } = world;
    server.isRelayDown = true;
    const [first, since] = [network.sent.length, network.now];
    a.send(b, 1);
    network.run(since + 150);
    const binds = network.sent.slice(first).flatMap(({ packet }) => {
      const bind = decodeBinding(packet.bytes);
      return typeof bind !== 'string' && bind.kind === 'bind' && bind.channel !== 0 ? [bind] : [];
    });
    expect(new Set(binds.map(({ node }) => node))).toEqual(new Set([a.id, b.id]));
    expect(binds.every(({ challenge }) => challenge !== undefined)).toBe(true);
    for (const node of [a, b]) expect(node.reach.gate.relayOf(binds[0]?.channel ?? 0)).toBe(RELAY);
  });

  it('find each other anew after minutes of silence, when no mapping is left', () => {
    const world = reachWorld(PLACES['port-restricted'], PLACES['port-restricted']);
    talk(world, 2_000);
    world.network.run(world.network.now + 300_000);
    for (const nat of world.network.nats) nat.forget();
    world.network.run(world.network.now + 60_000);
    const last = talk(world, 2_000, 500);
    expect(missing(world.b, 500, last)).toEqual([]);
    expect(missing(world.a, 500, last)).toEqual([]);
  });

  it('send at most one datagram in 25 seconds each while nobody talks', () => {
    const world = reachWorld(PLACES['port-restricted'], PLACES['port-restricted']);
    talk(world, 3_000);
    world.network.run(world.network.now + 70_000);
    const [from, since] = [world.network.sent.length, world.network.now];
    world.network.run(since + 100_000);
    const peers = world.network.sent
      .slice(from)
      .filter(({ packet }) => packet.bytes[0] === 0x10 || packet.bytes[0] === 0x20 || packet.bytes[0] === 0x3c);
    for (const node of [world.a, world.b])
      expect(peers.filter(({ packet }) => packet.from === node.sim.path).length).toBeLessThanOrEqual(4);
  });
});
