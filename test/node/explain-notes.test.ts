import { describe, expect, it, vi } from 'vitest';
import type { ExplainNote } from '../../src/api/questions.ts';
import { describeExplanation } from '../../src/cli/explain.ts';
import { explainAnswer } from '../../src/node/explain.ts';
import { GATEWAY_COUNTERS } from '../../src/node/gateway/gateway-rules.ts';
import { GUARD_COUNTERS } from '../../src/node/lock/lock-rules.ts';
import { RosterRoutes } from '../../src/node/roster-routes.ts';
import { parsePrefix } from '../../src/tun/prefix.ts';
import { address, icmp } from '../base/ip-packets.ts';
import { Below } from './element/below.ts';
import { ipv4 } from './inner-kit.ts';
import { numbered, udpPacket } from './packets.ts';
import { type SimNode, World } from './world.ts';

/** a and b in office with gw, a GEN with 10.1.0.0/16 behind it; a and b have talked, and a with a terminal. */
function network() {
  const world = new World('notes');
  world.authority.group('office');
  for (const name of ['a', 'b']) world.authority.add(name, ['office']);
  world.authority.add('gw', ['office'], ['10.1.0.0/16']);
  const [a, b, gw] = ['a', 'b', 'gw'].map((name, at) => world.node(name, `10.0.0.${at + 1}:47247`));
  for (const packet of [numbered(a, b, 1), udp(textOf(a), TERMINAL)]) world.send(a, packet);
  world.run(100);
  return { world, a, b, gw };
}
type Net = ReturnType<typeof network>;

const TERMINAL = '10.1.0.7';
const textOf = (node: SimNode) => node.address(4).join('.');
const udp = (from: string, to: string) => udpPacket(address(from), address(to), [5_000, 7], new Uint8Array(16));
const piece = (from: string, to: string, bytes: number, offset: number, more: boolean) =>
  ipv4(new Uint8Array(bytes).fill(9), {
    source: from,
    destination: to,
    protocol: 17,
    id: 7,
    fragmentOffset: offset,
    more,
  });
const icmpError = (type: number, about: Uint8Array, from: string, to: string) =>
  ipv4(icmp(type, 0, about), { protocol: 1, source: from, destination: to });

function notes(node: SimNode, world: World, source: string, destination: string): readonly ExplainNote[] {
  return explainAnswer(node.engine, { source, destination, protocol: 17, port: 0 }, world.now).notes;
}

/** What is done, who is asked, about which two, and the counter and the words that must be in the answer. */
type Row = readonly [
  what: string,
  done: (net: Net) => void | Promise<void>,
  asked: (net: Net) => readonly [SimNode, string, string],
  counter: string,
  words: RegExp,
];

const ROWS: readonly Row[] = [
  [
    'two GENs that claim one subnet',
    ({ world, a }) => {
      world.authority.add('rival', ['office'], ['10.1.0.0/16']);
      world.launch(a, a.reload(world));
    },
    ({ a }) => [a, 'a', TERMINAL],
    'network-shared',
    /^10\.1\.0\.0\/16 of gw and rival: several nodes are given this network/,
  ],
  [
    'a subnet that overlaps the overlay pool',
    ({ world, a }) => {
      const overlay = [{ address: Uint8Array.of(10, 1, 128, 0), length: 17 }];
      a.engine.node.paths.setPlace({ interfaces: [], overlay, outer: [] });
      world.authority.add('more', ['office'], ['10.3.0.0/16']);
      world.launch(a, a.reload(world));
    },
    ({ a }) => [a, 'a', TERMINAL],
    'network-in-overlay',
    /^10\.1\.0\.0\/16 of gw: this network overlaps the overlay's own addresses/,
  ],
  [
    'a subnet that overlaps a connected network',
    async ({ a }) => {
      const connected = { prefix: parsePrefix('10.1.0.0/24'), by: 'wlan0', connected: true };
      const nothing = () => Promise.resolve([]);
      const table = {
        used: () => Promise.resolve([connected]),
        present: nothing,
        change: () => Promise.resolve(),
        answer: () => Promise.resolve(),
        routers: nothing,
        networks: () => '',
      };
      await new RosterRoutes(a.engine.node, table, { log: () => undefined }).follow();
    },
    ({ a }) => [a, 'a', TERMINAL],
    'network-left-out',
    /^10\.1\.0\.0\/16: this machine is connected to 10\.1\.0\.0\/24 by wlan0: .* not routed into the overlay here/,
  ],
  [
    'a GEN whose certificate does not allow the route',
    ({ world, gw }) => {
      const identity = gw.keys.identity();
      const caPart = { ...identity.caPart, routes: [] };
      vi.spyOn(gw.keys, 'identity').mockReturnValue({ ...identity, caPart });
      world.authority.add('more', ['office'], ['10.3.0.0/16']);
      world.launch(gw, gw.reload(world));
    },
    ({ gw }) => [gw, 'a', TERMINAL],
    'network-not-certified',
    /^10\.1\.0\.0\/16 of gw: .*its certificate does not/,
  ],
  [
    'a machine that sends with an overlay address which is another one',
    ({ world, a, b }) => world.send(a, udp(textOf(b), TERMINAL)),
    ({ a, b }) => [a, textOf(b), TERMINAL],
    'foreign-source',
    /source is not of this node, nor behind it/,
  ],
  [
    'the same in clear, from inside or outside of a GEN (counted by its table)',
    ({ gw }) => gw.engine.node.counters.add(GATEWAY_COUNTERS.overlaySource, 3),
    ({ gw, a }) => [gw, textOf(a), TERMINAL],
    'gateway-overlay-source',
    /believed only out of the tunnel: in clear/,
  ],
  [
    'the same in clear to a host (counted by its guard)',
    ({ a }) => a.engine.node.counters.add(GUARD_COUNTERS.arrived, 2),
    ({ a, b }) => [a, textOf(b), 'a'],
    'guard-arrived',
    /come with it by another interface are dropped/,
  ],
  [
    "a terminal that has a neighbour network's address (counted by the table)",
    ({ gw }) => gw.engine.node.counters.add(GATEWAY_COUNTERS.foreignSource, 1),
    ({ gw }) => [gw, '10.2.0.9', 'a'],
    'gateway-foreign-source',
    /not of the networks behind this node, or came in by another interface/,
  ],
  ...(
    [
      ['loopback', '127.0.0.1', /means each machine itself/],
      ['link-local', '169.254.1.1', /one link only/],
      ['unspecified', '0.0.0.0', /is nobody/],
      ['multicast', '239.1.2.3', /^239\.1\.2\.3: multicast stays on the link/],
      ['broadcast', '255.255.255.255', /broadcast stays on the link/],
    ] as const
  ).map(
    ([counter, martian, words]): Row => [
      `${martian} as destination`,
      ({ world, a }) => world.send(a, udp(textOf(a), martian)),
      ({ a }) => [a, 'a', martian],
      counter,
      words,
    ],
  ),
  [
    'a martian source',
    ({ world, a }) => world.send(a, udp('127.0.0.1', TERMINAL)),
    ({ a }) => [a, '127.0.0.1', TERMINAL],
    'loopback',
    /^127\.0\.0\.1: a loopback address/,
  ],
  [
    'the broadcast address of a network behind a GEN (counted by its table)',
    ({ a }) => a.engine.node.counters.add(GATEWAY_COUNTERS.broadcast),
    ({ a }) => [a, 'a', '10.1.255.255'],
    'gateway-broadcast',
    /^10\.1\.255\.255: the last address of a network/,
  ],
  [
    'a first fragment that is too small',
    ({ world, a, b }) => world.send(a, piece(textOf(a), textOf(b), 4, 0, true).slice(0, 24)),
    ({ a }) => [a, 'a', 'b'],
    'bad-fragment',
    /impossible bounds/,
  ],
  [
    'a first fragment without its ports',
    ({ world, a, b }) => {
      const tiny = ipv4(new Uint8Array(16), {
        source: textOf(a),
        destination: textOf(b),
        protocol: 6,
        id: 9,
        more: true,
      });
      world.send(a, tiny);
    },
    ({ a }) => [a, 'a', 'b'],
    'tiny-fragment',
    /too small to hold their ports/,
  ],
  [
    'later fragments that overlap',
    ({ world, a, b }) => {
      const [from, to] = [textOf(a), textOf(b)];
      world.send(a, piece(from, to, 64, 64, true), piece(from, to, 64, 72, false));
    },
    ({ a }) => [a, 'b', 'a'],
    'fragment-overlap',
    /overlap were dropped with their whole datagram/,
  ],
  [
    'an ICMP error about no flow',
    ({ world, a, b }) => world.send(a, icmpError(3, udp('100.64.9.9', textOf(a)), textOf(a), textOf(b))),
    ({ a }) => [a, 'a', '100.64.9.9'],
    'icmp-without-entry',
    /about no flow between the two/,
  ],
  [
    'an ICMP error that quotes too little',
    ({ world, a, b }) => world.send(a, icmpError(3, new Uint8Array(8), textOf(a), textOf(b))),
    ({ a }) => [a, 'a', 'b'],
    'icmp-embedded',
    /quote too little/,
  ],
  [
    'an ICMP redirect',
    ({ world, a, b }) => world.send(a, icmpError(5, numbered(b, a, 1), textOf(a), textOf(b))),
    ({ a }) => [a, 'a', 'b'],
    'icmp-redirect',
    /nobody reroutes flows/,
  ],
  [
    'an ICMP error about a tunnelled flow',
    ({ world, a, b }) => world.send(b, icmpError(3, numbered(a, b, 1), textOf(b), textOf(a))),
    ({ b }) => [b, 'a', 'b'],
    'icmp-error-passed',
    /passed on to its sender/,
  ],
  [
    'one of a router behind a GEN, which is translated',
    ({ world, a, gw }) => world.send(gw, icmpError(3, udp(textOf(a), TERMINAL), '192.168.77.1', textOf(a))),
    ({ gw, a }) => [gw, textOf(a), TERMINAL],
    'icmp-source-replaced',
    /with this node's own address/,
  ],
  [
    'TTL expiry inside, where it happens',
    ({ world, a, gw }) => world.send(gw, icmpError(11, udp(textOf(a), TERMINAL), textOf(gw), textOf(a))),
    ({ gw }) => [gw, 'a', TERMINAL],
    'ttl-expired',
    /TTL of packets ran out behind the tunnel/,
  ],
  [
    'TTL expiry inside, at the sender',
    ({ world, a, gw }) => {
      world.send(gw, icmpError(11, udp(textOf(a), TERMINAL), textOf(gw), textOf(a)));
      world.run(20);
    },
    ({ a }) => [a, 'a', TERMINAL],
    'ttl-expired',
    /TTL of packets ran out/,
  ],
];

describe('bad input is named', () => {
  it.each(ROWS)('%s: in a counter and in explain', async (_, done, asked, counter, words) => {
    const net = network();
    const [node, source, destination] = asked(net);
    const before = node.counter(counter);
    const others = notes(node, net.world, source, destination).filter((note) => note.counter === counter);
    expect(others.every(({ seen }) => seen === 0)).toBe(true);
    await done(net);
    expect(node.counter(counter)).toBeGreaterThan(before);
    const answer = explainAnswer(node.engine, { source, destination, protocol: 17, port: 0 }, net.world.now);
    const note = answer.notes.find((each) => each.counter === counter);
    expect(note).toMatchObject({ total: node.counter(counter), text: expect.stringMatching(words) });
    expect(describeExplanation(answer)).toContain(`${note?.text} (${counter}: ${note?.total}`);
  });

  it('an element on the path whose record lies about it: at who asked, and not as a mere silence', () => {
    const net = new Below('a lying element');
    const b = net.ges('b', '192.0.2.9:47247', undefined);
    const honest = net.gen('g', '192.0.2.1:47247', undefined, '10.1.0.0/16', 'cl');
    const a = net.ges('a', '10.1.0.5:47247', honest);
    // closed by its certificate, and it says that it is open
    const g = net.world.restart(honest, { settings: { mode: 'op' } });
    net.isSeenAt(a, g);
    net.settle([a, g]);
    net.world.send(a, numbered(a, b, 1));
    net.world.run(500);
    expect(b.received).toEqual([]);
    const [note] = notes(a, net.world, 'a', 'b');
    expect(note).toMatchObject({
      counter: 'rgi-hop-laxer-than-certificate',
      total: a.counter('rgi-hop-laxer-than-certificate'),
    });
    expect(note.seen).toBeGreaterThan(0);
    expect(note.text).toMatch(/said of itself what its certificate or signature does not bear/);
  });

  it('an order in MPIT that does not hold: at the element, between the two that it is about and nobody else', () => {
    const net = new Below('a lying order');
    const b = net.ges('b', '192.0.2.9:47247', undefined);
    const g = net.gen('g', '192.0.2.1:47247', undefined, '10.1.0.0/16', 'op', ['office']);
    const a = net.ges('a', '10.1.0.5:47247', g);
    net.isSeenAt(a, g);
    net.settle([a, g]);
    const { world } = net;
    const { wire } = world;
    world.wire = (flying) => {
      const isMpit = flying.from === a.path && flying.bytes[0] === 0x20 && flying.bytes[8] === 3;
      if (isMpit) flying.bytes[flying.bytes.length - 3] ^= 1;
      return wire?.(flying);
    };
    world.send(a, numbered(a, b, 1));
    world.run(500);
    const [note] = notes(g, world, 'a', 'b');
    expect(note).toMatchObject({ counter: 'element-hop-mpit-hop-auth', total: g.counter('element-hop-mpit-hop-auth') });
    expect(note.text).toMatch(/ordered what this element refuses, or does not hold together/);
    expect(notes(g, world, 'g', 'b')).toEqual([]);
  });

  it('and nothing where nothing is wrong', () => {
    const { world, a, b, gw } = network();
    for (const node of [a, b, gw])
      for (const [source, destination] of [
        ['a', 'b'],
        [TERMINAL, 'a'],
        ['a', TERMINAL],
        ['gw', 'b'],
        ['a', '198.51.100.7'],
        [textOf(b), TERMINAL],
      ] as const)
        expect(notes(node, world, source, destination), `${source} to ${destination}`).toEqual([]);
  });

  it('remembers the newest 256 incidents and no more, equal ones in a row as one', () => {
    const { world, a, b } = network();
    const bad = () => world.send(a, icmpError(5, numbered(b, a, 1), textOf(a), textOf(b)));
    for (let n = 0; n < 5; n++) bad();
    const others = (many: number) => {
      for (let n = 0; n < many; n++) world.send(a, udp(textOf(a), `239.0.${n >> 8}.${n & 255}`));
    };
    others(255);
    expect(notes(a, world, 'a', 'b')).toMatchObject([{ counter: 'icmp-redirect', seen: 5, total: 5 }]);
    others(1);
    expect(notes(a, world, 'a', 'b')).toEqual([]);
    bad();
    world.run(3_000);
    expect(notes(a, world, 'a', 'b')).toMatchObject([{ seen: 1, total: 6, agoSeconds: 3 }]);
  });
});
