import { describe, expect, it } from 'vitest';
import { millis } from '../../../src/base/brands.ts';
import { parsePath } from '../../../src/base/path-address.ts';
import { MESSAGE, PACKET, RECORD_ROW, RUN, RUN_KIND } from '../../../src/base/primitives.ts';
import { sharedFloat64 } from '../../../src/base/shared-arrays.ts';
import { FastPath, STAT, WORKER_STATS } from '../../../src/node/workers/fast-path.ts';
import { HANDED, HandOver } from '../../../src/node/workers/hand-over.ts';
import { RingReader, RingWriter, ringMemory } from '../../../src/node/workers/ring.ts';
import { openGates, sharedNode } from '../../../src/node/workers/shared-node.ts';
import { FlowTally } from '../../../src/pit/flow-tally.ts';
import { TCP_FLAG } from '../../../src/pit/tcp-state.ts';
import { numbered, swapPorts, tcpPacket } from '../packets.ts';
import { pair, type SimNode, World } from '../world.ts';

/** A worker of node a, beside two nodes that have one open flow. */
function worker(ringBytes = 1 << 20) {
  const { world, a, b } = pair({ settings: { hasWorkers: true, lanes: 4 } });
  world.send(a, numbered(a, b, 1));
  world.run(100);
  world.send(b, swapPorts(numbered(b, a, 2)));
  world.run(100);
  const { node } = a.engine;
  const shared = sharedNode(node);
  if (shared === undefined) throw new Error('a node with workers shares its tables');
  const memory = ringMemory(ringBytes);
  const stats = sharedFloat64(WORKER_STATS.length);
  const tally = FlowTally.of(4_096);
  node.pit.entries.addTally(tally);
  const ring = new RingWriter(memory);
  const path = new FastPath(shared, 4, tally, new HandOver(ring), stats);
  openGates(node);
  return { world, a, b, node, path, stats, tally, ring, reader: new RingReader(memory) };
}

type Worker = ReturnType<typeof worker>;

const arena = new Uint8Array(1 << 17);
const view = new DataView(arena.buffer);

/** One packet from TUN: its SA, 0 when it was handed over. */
function send({ path, world }: Worker, packet: Uint8Array, now = world.now) {
  const row = new Int32Array(PACKET.stride);
  arena.set(packet, 64);
  row[PACKET.offset] = 64;
  row[PACKET.length] = packet.length;
  row[PACKET.segments] = 1;
  path.outgoing(arena, view, row, 1, millis(now));
  return row[PACKET.sa];
}

/** One opened packet of the peer: its verdict. */
function receive(
  { path, world, a, b, node }: Worker,
  packet: Uint8Array,
  more: Partial<Record<number, number>> = {},
  from = b.path,
) {
  const { family, address, port } = parsePath(from);
  const message = new Int32Array(MESSAGE.stride);
  new Uint8Array(message.buffer).set(address, 4 * MESSAGE.address);
  message[MESSAGE.family] = family;
  message[MESSAGE.port] = port;
  arena.set(packet, 128);
  const record = Int32Array.of(128, packet.length, 0, 0);
  const run = new Int32Array(RUN.stride);
  run[RUN.count] = 1;
  run[RUN.kind] = RUN_KIND.packets;
  run[RUN.sa] = [...node.sas.sas()][0]?.local ?? 0;
  run[RUN.bytes] = packet.length;
  run[RUN.newest] = 1;
  for (const [field, value] of Object.entries(more)) run[Number(field)] = value ?? 0;
  path.incoming(arena, view, message, record, run, 1, world.now);
  expect(record[RECORD_ROW.offset]).toBe(128);
  expect(a).toBeDefined();
  return run[RUN.verdict];
}

const answer = ({ a, b }: Worker, number: number) => swapPorts(numbered(b, a, number));

describe('a worker, on the way out', () => {
  it('seals packets of an open flow as the main thread would, and counts them', () => {
    const made = worker();
    const { a, b, node, tally, world } = made;
    const sa = send(made, numbered(a, b, 3));
    expect(sa).not.toBe(0);
    const rows = new Int32Array(PACKET.stride);
    arena.set(numbered(a, b, 4), 64);
    rows.set([64, numbered(a, b, 4).length, 0, 0, 0, 0, 0, 1]);
    a.engine.handleOutgoing(arena, view, rows, 1, world.now);
    expect(rows[PACKET.sa]).toBe(sa);
    expect(made.stats[STAT.sent]).toBe(1);
    expect(tally.packets(0, 0)).toBe(1);
    expect(node.sas.lastData[(sa >>> 3) & 0xffff]).toBe(world.now);
  });

  it.each<readonly [string, (made: Worker) => number]>([
    ['a packet of a flow without an entry', (made) => send(made, numbered(made.a, made.b, 3, 5001))],
    ['what is no packet', (made) => send(made, Uint8Array.of(0x45, 0, 0))],
    ['a packet that comes from the peer’s end', (made) => send(made, answer(made, 3))],
    ['a packet that is too large for the path', (made) => send(made, numbered(made.a, made.b, 3, 5000, 4, 1_500))],
    [
      'a packet of an entry without an SA',
      (made) => {
        made.node.sas.sendIndex.fill(0);
        return send(made, numbered(made.a, made.b, 3));
      },
    ],
    [
      'a packet by a path that is silent',
      (made) => {
        send(made, numbered(made.a, made.b, 3), millis(made.world.now + 1));
        return send(made, numbered(made.a, made.b, 4), millis(made.world.now + 1_600));
      },
    ],
  ])('hands over %s', (_, act) => {
    const made = worker();
    expect(act(made)).toBe(0);
    expect(made.stats[STAT.handed]).toBe(1);
    made.ring.publish();
    expect(made.reader.peek()).toBe(HANDED.packet);
  });

  it('lets an open TCP connection run, and hands over what begins or ends it', () => {
    const made = worker();
    const { world, a, b, node, ring, reader } = made;
    const { syn, ack, fin, rst } = TCP_FLAG;
    for (const packet of [tcpPacket(a, b, syn), swapPorts(tcpPacket(b, a, syn | ack)), tcpPacket(a, b, ack)]) {
      world.send(packet[15] === a.address(4)[3] ? a : b, packet);
      world.run(60);
    }
    openGates(node);
    for (const [flags, isHanded] of [
      [ack, false],
      [ack | fin, true],
      [rst, true],
      [syn, true],
      [ack, false],
    ] as const) {
      expect(send(made, tcpPacket(a, b, flags)) === 0).toBe(isHanded);
      expect(receive(made, swapPorts(tcpPacket(b, a, flags))) === 0).toBe(isHanded);
      ring.publish();
      while (reader.peek() !== 0) reader.take();
      reader.release();
    }
  });

  it('lets none overtake what was handed over of its flow, until that was dealt with', () => {
    const made = worker();
    const { a, b, ring, reader } = made;
    send(made, numbered(a, b, 3, 5000, 4, 1_500));
    expect(send(made, numbered(a, b, 4))).toBe(0);
    ring.publish();
    while (reader.peek() !== 0) reader.take();
    expect(send(made, numbered(a, b, 5))).toBe(0);
    ring.publish();
    while (reader.peek() !== 0) reader.take();
    reader.release();
    expect(send(made, numbered(a, b, 6))).not.toBe(0);
  });

  it('counts what finds no room, and loses nothing else', () => {
    const made = worker(1_024);
    for (let number = 0; number < 20; number++) send(made, numbered(made.a, made.b, number, 6000));
    expect(made.stats[STAT.dropped]).toBeGreaterThan(0);
    expect(made.stats[STAT.handed] + made.stats[STAT.dropped]).toBe(20);
    expect(send(made, numbered(made.a, made.b, 3))).not.toBe(0);
  });

  it('shows the main thread a large packet of a path now and then, and sends the others', () => {
    const made = worker();
    const large = () => send(made, numbered(made.a, made.b, 3, 5000, 4, 1_300));
    const drain = () => {
      made.ring.publish();
      while (made.reader.peek() !== 0) made.reader.take();
      made.reader.release();
    };
    expect(large()).toBe(0);
    drain();
    expect([large() !== 0, large() !== 0]).toEqual([true, true]);
    made.node.mtus.mtu.fill(1_310);
    expect(large()).toBe(0);
    expect(made.node.mtus.wantedAt.some((at) => at === made.world.now)).toBe(true);
  });
});

describe('a worker, on the way in', () => {
  it('delivers packets of an open flow from where the peer is, and counts them', () => {
    const made = worker();
    expect(receive(made, answer(made, 3))).toBe(1);
    expect(made.stats[STAT.received]).toBe(1);
    expect(made.tally.packets(0, 1)).toBe(1);
  });

  it.each<readonly [string, (made: Worker) => number]>([
    ['a packet of a flow without an entry', (made) => receive(made, numbered(made.b, made.a, 3, 5001))],
    ['a packet that names this node as its sender', (made) => receive(made, numbered(made.a, made.b, 3))],
    ['what begins a connection', (made) => receive(made, tcpPacket(made.b, made.a, TCP_FLAG.syn))],
    ['a control record', (made) => receive(made, answer(made, 3), { [RUN.kind]: RUN_KIND.control })],
    ['an empty datagram', (made) => receive(made, answer(made, 3), { [RUN.kind]: RUN_KIND.empty })],
    ['what comes from a new address', (made) => receive(made, answer(made, 3), {}, made.a.path)],
    [
      'what comes on an SA of somebody else',
      (made) => {
        made.node.sas.ownerOfSlot.fill(77);
        return receive(made, answer(made, 3));
      },
    ],
    [
      'the first datagram of an SA',
      (made) => {
        made.node.sas.unheard.fill(1);
        return receive(made, answer(made, 3));
      },
    ],
  ])('hands over %s', (_, act) => {
    const made = worker();
    expect(act(made)).toBe(0);
    expect(made.stats[STAT.handed]).toBe(1);
    made.ring.publish();
    expect(made.reader.peek()).toBe(HANDED.run);
  });

  it('hands over messages that are no data for an SA of this node, and keeps the others in front', () => {
    const made = worker();
    const sa = [...made.node.sas.sas()][0]?.local ?? 0;
    const messages = new Int32Array(4 * MESSAGE.stride);
    for (const [row, [kind, index]] of [
      [0x20, sa],
      [0x10, sa],
      [0x10, 0x7ff8],
      [0x10, sa + 3],
    ].entries()) {
      const at = 1_024 * (row + 1);
      arena[at] = kind ?? 0;
      view.setUint32(at + 4, index ?? 0);
      messages.set([at, 100, 100], row * MESSAGE.stride);
    }
    expect(made.path.messages(arena, view, messages, 4)).toBe(2);
    expect([messages[MESSAGE.offset], messages[MESSAGE.stride + MESSAGE.offset]]).toEqual([2_048, 4_096]);
    expect(made.stats[STAT.handed]).toBe(2);
  });
});

/** The lanes of the data datagrams that a node sent. */
function lanesOf(world: ReturnType<typeof pair>['world'], from: SimNode): number[] {
  const data = world.seen.filter((each) => each.from === from.path && each.bytes[0] === 0x10);
  return data.map(({ bytes }) => new DataView(bytes.buffer, bytes.byteOffset).getUint32(4) & 7);
}

describe('lanes', () => {
  it('K5: a flow keeps its lane, and both directions have the same one; flows are spread over all that were agreed', () => {
    const { world, a, b } = pair({ settings: { lanes: 4 } });
    world.send(a, numbered(a, b, 1));
    world.run(100);
    const lanes = new Set<number>();
    for (let port = 6_000; port < 6_040; port++) {
      world.send(a, numbered(a, b, 1, port));
      world.run(50);
      const before = world.seen.length;
      for (let number = 2; number < 6; number++) world.send(a, numbered(a, b, number, port));
      world.run(20);
      world.send(b, swapPorts(numbered(b, a, 6, port)));
      world.run(20);
      const data = world.seen
        .slice(before)
        .map(({ bytes }) => new DataView(bytes.buffer, bytes.byteOffset).getUint32(4) & 7);
      expect(new Set(data).size).toBe(1);
      lanes.add(data[0] ?? -1);
    }
    expect([...lanes].sort()).toEqual([0, 1, 2, 3]);
  });

  it.each([
    [4, 2, [0, 1]],
    [1, 8, [0]],
  ])('a node of %i and one of %i use the smaller number', (ofA, ofB, expected) => {
    const world = new World('lanes');
    world.authority.group('office');
    for (const name of ['a', 'b']) world.authority.add(name, ['office']);
    const a = world.node('a', '10.0.0.1:47247', { settings: { lanes: ofA } });
    const b = world.node('b', '10.0.0.2:47247', { settings: { lanes: ofB } });
    for (let port = 6_000; port < 6_060; port++) {
      world.send(a, numbered(a, b, 1, port));
      world.run(50);
      world.send(a, numbered(a, b, 2, port));
      world.send(b, swapPorts(numbered(b, a, 3, port)));
      world.run(20);
    }
    for (const node of [a, b]) expect([...new Set(lanesOf(world, node))].sort()).toEqual(expected);
  });

  it('are each looked at for their limits, and count together for their peer', () => {
    const { world, a, b } = pair({ settings: { lanes: 4, rekeyVolume: 400 } });
    world.send(a, numbered(a, b, 1));
    world.run(100);
    const port = [6_000, 6_001, 6_002, 6_003, 6_004].find((each) => {
      world.send(a, numbered(a, b, 1, each));
      world.run(50);
      const before = world.seen.length;
      world.send(a, numbered(a, b, 2, each));
      world.run(5);
      const [sent] = world.seen.slice(before);
      return sent !== undefined && (sent.bytes[7] & 7) !== 0;
    });
    const made = a.counter('sas-made');
    for (let number = 0; number < 150; number++) world.send(a, numbered(a, b, number, port));
    world.run(10);
    expect(a.engine.traffic(b.keys.self().id).txBytes).toBeGreaterThan(150 * numbered(a, b, 1).length);
    world.run(3_000);
    expect(a.counter('sas-made')).toBeGreaterThan(made);
  });
});
