import { describe, expect, it } from 'vitest';
import { groupId } from '../../src/base/brands.ts';
import { concat } from '../../src/base/bytes.ts';
import { address, icmp, parse } from '../base/ip-packets.ts';
import { cidOf, cidWithin, forge, ipv4, met, opening, text } from './inner-kit.ts';
import { numbered, numbersOf, swapPorts, udpPacket } from './packets.ts';
import type { SimNode } from './world.ts';

const NUMBER = new Uint8Array(16).fill(9);

describe('data inside an SA', () => {
  it('is delivered where the flow is the sender’s', () => {
    const { world, a, b } = met();
    forge(world, b, a, numbered(b, a, 2));
    expect(numbersOf(a)).toEqual([2]);
  });

  it.each([
    ['another member’s flow', (_: SimNode, a: SimNode, c: SimNode) => numbered(c, a, 2), 'no-entry'],
    ['a flow that nobody opened', (b: SimNode, a: SimNode) => numbered(b, a, 2, 9_999), 'no-entry'],
    [
      'a source that nobody has',
      (_: SimNode, a: SimNode) => udpPacket(address('100.64.77.7'), a.address(4), [5_000, 7], NUMBER),
      'no-entry',
    ],
    [
      'the receiver’s own address as source',
      (b: SimNode, a: SimNode) => swapPorts(numbered(a, b, 2)),
      'foreign-destination',
    ],
    ['a destination that is not the receiver', (b: SimNode, _: SimNode, c: SimNode) => numbered(b, c, 2), 'no-entry'],
    ['source and destination both foreign', (_: SimNode, _a: SimNode, c: SimNode) => numbered(c, c, 2), 'no-entry'],
  ])('P1: is not delivered with %s', (_, packet, counter) => {
    const { world, a, b, c } = met();
    forge(world, b, a, packet(b, a, c));
    expect(a.received).toEqual([]);
    expect(a.counter(counter)).toBe(1);
    expect(c.received).toEqual([]);
  });

  it('P1: is delivered only on SAs of the group that the entry belongs to', () => {
    const { world, a, b } = met();
    const { pit, owners, sas } = a.engine.node;
    const [sa] = [...sas.sas()].filter(({ peer }) => peer === b.keys.self().id);
    // the same flow, as if it had been opened under another group of the same pair
    const entry = pit.find(parse(numbered(b, a, 1)).flow) >> 1;
    const other = owners.number({ peer: sa.peer, group: groupId('ee'.repeat(16)), chain: 0 });
    pit.reassign(entry, { action: 1, owner: other, version: 1, reason: 0 }, world.now);
    forge(world, b, a, numbered(b, a, 2));
    expect(a.received).toEqual([]);
    expect(a.counter('no-entry')).toBe(1);
    // while a flow moves to another chain of the same group, both SAs carry it
    const chained = owners.number({ peer: sa.peer, group: sa.group, chain: 1 });
    pit.reassign(entry, { action: 1, owner: chained, version: 1, reason: 0 }, world.now);
    forge(world, b, a, numbered(b, a, 3));
    expect(numbersOf(a)).toEqual([3]);
  });

  it.each([
    ['for another member’s flow', (_: SimNode, a: SimNode, c: SimNode) => numbered(c, a, 2), 'foreign-address'],
    ['for a flow to another member', (b: SimNode, _: SimNode, c: SimNode) => numbered(b, c, 2), 'not-own-address'],
    [
      'from an address of nobody',
      (_: SimNode, a: SimNode) => udpPacket(address('100.64.77.7'), a.address(4), [5_000, 7], NUMBER),
      'foreign-address',
    ],
    [
      'from a multicast address',
      (_: SimNode, a: SimNode) => udpPacket(address('224.0.0.1'), a.address(4), [5_000, 7], NUMBER),
      'foreign-address',
    ],
  ])('A2: opens nothing %s', (_, packet, fault) => {
    const { world, a, b, c } = met();
    const bytes = packet(b, a, c);
    const before = a.engine.node.pit.entries.live;
    const record = opening(cidWithin(bytes), bytes);
    forge(world, b, a, record);
    expect(a.received).toEqual([]);
    expect(a.counter(`flow-refused-${fault}`)).toBe(1);
    expect(a.engine.node.pit.entries.live).toBe(before);
  });

  it('brings no packet of another flow behind an MPIT', () => {
    const { world, a, b, c } = met();
    const own = cidOf(numbered(b, a, 2, 6_000));
    const wrong = [
      numbered(c, a, 3, 6_000),
      numbered(b, a, 3, 6_001),
      numbered(b, c, 3, 6_000),
      numbered(b, a, 3, 6_000).subarray(0, 30),
      swapPorts(numbered(a, b, 3, 6_000)),
    ];
    for (const packet of wrong) forge(world, b, a, opening(own, packet));
    // an error about the flow names its CID, but is on its way to somebody else
    const error = ipv4(icmp(3, 0, swapPorts(numbered(a, b, 1, 6_000))), {
      protocol: 1,
      source: text(b),
      destination: text(c),
    });
    forge(world, b, a, opening(cidWithin(numbered(b, a, 1, 6_000)), error));
    // what the primitives check of a data record is checked here, too
    const [badSum, badLength] = [numbered(b, a, 3, 6_000), numbered(b, a, 3, 6_000)];
    badSum[10] ^= 1;
    badLength[25] += 1;
    forge(world, b, a, opening(own, badSum), opening(own, badLength));
    expect(a.received).toEqual([]);
    expect(a.counter('bad-riding-packet')).toBe(wrong.length + 3);
  });
});

describe('the first byte inside an SA', () => {
  it('W3: brings nothing to TUN unless it is that of an IP packet', () => {
    const { world, a, b } = met();
    const packet = numbered(b, a, 2);
    for (let first = 0; first < 256; first++) {
      if (first >>> 4 === 4 || first >>> 4 === 6) continue;
      const bytes = packet.slice();
      bytes[0] = first;
      forge(world, b, a, bytes, Uint8Array.of(first), Uint8Array.of(first, 0, 0));
      if (first === 0x0b) break;
    }
    expect(a.received).toEqual([]);
    // the last one was CLOSE-SA
    expect([...a.engine.node.sas.sas()].filter(({ peer }) => peer === b.keys.self().id)).toEqual([]);
  });

  it('W3: brings nothing to TUN when it is reserved, and is counted', () => {
    const { world, a, b } = met();
    const firsts = [0, 1, 2, 5, 6, 0x0d, 0x0e, 0x0f, 0x10, 0x20, 0x30, 0x3f, 0x50, 0x70, 0x80, 0xff];
    for (const first of firsts) forge(world, b, a, concat(Uint8Array.of(first, 0, 44), numbered(b, a, 2)));
    expect(a.received).toEqual([]);
    expect(a.counter('control-unknown-record')).toBe(firsts.length);
  });

  it('W3: brings no control record to TUN, however long it says to be', () => {
    const { world, a, b } = met();
    for (const type of [3, 4, 7, 8, 9, 0x0a, 0x0c])
      for (const length of [0, 1, 8, 13, 38, 51, 255, 65_535])
        forge(world, b, a, concat(Uint8Array.of(type, length >>> 8, length & 255), numbered(b, a, 2)));
    expect(a.received).toEqual([]);
  });
});

describe('inner addresses', () => {
  const rows = [
    ['link-local', '169.254.1.1', 'fe80::1'],
    ['multicast', '224.0.0.251', 'ff02::fb'],
    ['broadcast', '255.255.255.255', undefined],
    ['loopback', '127.0.0.1', '::1'],
    ['unspecified', '0.0.0.0', '::'],
    ['mapped-address', undefined, '::ffff:100.64.0.1'],
  ] as const;
  for (const [counter, four, six] of rows)
    for (const bad of [four, six]) {
      if (bad === undefined) continue;
      const family = bad.includes(':') ? 6 : 4;
      it(`P2: a packet with ${bad} at either end goes neither out nor in`, () => {
        const { world, a, b } = met();
        const [own, other] = [b.address(family), a.address(family)];
        const packets = [
          udpPacket(address(bad), other, [5_000, 7], NUMBER),
          udpPacket(own, address(bad), [5_000, 7], NUMBER),
        ];
        const before = [a.engine.node.pit.entries.live, b.engine.node.pit.entries.live];
        const seen = world.seen.length;
        world.send(b, ...packets);
        expect(b.counter(counter)).toBe(2);
        expect(world.seen).toHaveLength(seen);
        forge(world, b, a, ...packets);
        expect(a.counter(counter)).toBe(2);
        expect(a.received).toEqual([]);
        expect([a.engine.node.pit.entries.live, b.engine.node.pit.entries.live]).toEqual(before);
      });
    }

  it('P2: a packet between addresses of nobody goes neither out nor in', () => {
    const { world, a, b } = met();
    const packet = udpPacket(address('192.0.2.1'), address('198.51.100.1'), [5_000, 7], NUMBER);
    world.send(b, packet);
    expect(b.counter('foreign-source')).toBe(1);
    forge(world, b, a, packet);
    expect(a.received).toEqual([]);
  });
});

describe('an ICMP error', () => {
  const about = (packet: Uint8Array, from: SimNode | string, to: SimNode) =>
    ipv4(icmp(3, 0, packet), {
      protocol: 1,
      source: typeof from === 'string' ? from : text(from),
      destination: text(to),
    });

  it('P3: reaches the sender of a confirmed flow, also from a router behind the peer', () => {
    const { world, a, b } = met();
    const sent = numbered(b, a, 2);
    world.send(a, about(sent, a, b));
    world.run(10);
    expect(b.received).toHaveLength(1);
    forge(world, a, b, about(sent, '192.0.2.254', b));
    expect(b.received).toHaveLength(2);
  });

  it.each([
    ['about a flow that is not there', (b: SimNode, a: SimNode) => about(numbered(a, b, 2, 9_999), b, a), 'no-entry'],
    [
      'about another member’s flow',
      (_: SimNode, a: SimNode, c: SimNode) => about(swapPorts(numbered(a, c, 1)), c, a),
      'no-entry',
    ],
    [
      'that is for somebody else',
      (b: SimNode, a: SimNode, c: SimNode) => about(swapPorts(numbered(a, b, 1)), b, c),
      'foreign-destination',
    ],
  ])('P3: is not delivered %s', (_, packet, counter) => {
    const { world, a, b, c } = met();
    forge(world, b, a, packet(b, a, c));
    expect(a.received).toEqual([]);
    expect(a.counter(counter)).toBe(1);
  });

  it('P3: is not delivered while the entry waits for its CDN', () => {
    const { world, a, b } = met();
    world.wire = ({ to }) => (to === a.path ? [] : undefined);
    const sent = numbered(a, b, 2, 6_000);
    world.send(a, sent);
    world.run(10);
    world.wire = () => undefined;
    forge(world, b, a, about(sent, b, a));
    expect(a.received).toEqual([]);
    expect(a.counter('entry-forbids')).toBe(1);
  });

  it('P3: waits at its sender until the flow is confirmed', () => {
    const { world, a, b } = met();
    world.wire = ({ to }) => (to === a.path ? [] : undefined);
    world.send(a, numbered(a, b, 2, 6_000));
    world.run(10);
    const before = world.seen.length;
    world.send(a, about(swapPorts(numbered(b, a, 2, 6_000)), a, b));
    expect(world.seen).toHaveLength(before);
    world.wire = () => undefined;
    world.run(100);
    expect(b.received).toHaveLength(2);
    expect(b.received[1][9]).toBe(1);
  });

  it('P3: goes out for a flow that is there, and opens none', () => {
    const { world, a, b } = met();
    const before = world.seen.length;
    world.send(a, about(numbered(b, a, 2, 9_999), a, b));
    expect(a.counter('icmp-without-entry')).toBe(1);
    expect(world.seen).toHaveLength(before);
  });
});
