import { describe, expect, it } from 'vitest';
import { millis } from '../../src/base/brands.ts';
import { numbered, swapPorts, tcpPacket } from './packets.ts';
import { pair, type SimNode, type World } from './world.ts';

const ACK = 0x10;

/** Type and code of every ICMP error that a node's own programs got. */
function errors(node: SimNode): string[] {
  return node.received.flatMap((packet) => {
    if (packet[0] === 0x45 && packet[9] === 1) return [`${packet[20]}/${packet[21]}`];
    return packet[0] === 0x60 && packet[6] === 58 ? [`${packet[40]}/${packet[41]}`] : [];
  });
}

/** a and b have a TCP connection; then nothing that a sends arrives any more. */
function cutOff(family: 4 | 6 = 4) {
  const { world, a, b } = pair();
  world.send(a, tcpPacket(a, b, ACK, family));
  world.run(100);
  world.send(b, swapPorts(tcpPacket(b, a, ACK, family)));
  world.run(100);
  expect([a.received.length, b.received.length]).toEqual([1, 1]);
  a.received.length = 0;
  world.wire = () => [];
  return { world, a, b };
}

/** Sends the packet again every 100 ms. */
function repeat(world: World, from: SimNode, packet: Uint8Array, duration: number): void {
  for (const end = world.now + duration; world.now < end; world.run(100)) world.send(from, packet);
}

describe('TCP over a path that fell silent', () => {
  it.each([
    [4, '3/1', 20],
    [6, '1/0', 40],
  ] as const)('is told so over IPv%i, from a second and a half on, until the path is heard again', (family, error, headers) => {
    const { world, a, b } = cutOff(family);
    const packet = tcpPacket(a, b, ACK, family);
    repeat(world, a, packet, 1_500);
    expect(errors(a)).toEqual([]);
    repeat(world, a, packet, 1_000);
    expect(errors(a)).toEqual(Array(10).fill(error));
    expect(a.received[0]?.subarray(headers + 8)).toEqual(packet);
    expect(a.counter('path-silent-told')).toBe(10);
    world.wire = () => undefined;
    world.send(b, swapPorts(tcpPacket(b, a, ACK, family)));
    world.run(20);
    a.received.length = 0;
    repeat(world, a, packet, 1_000);
    expect(errors(a)).toEqual([]);
  });

  it.each([
    ['that opens', 0x02],
    ['that is opened', 0x12],
    ['that is reset', 0x14],
  ])('is told nothing about a connection %s', (_, flags) => {
    const { world, a, b } = cutOff();
    repeat(world, a, tcpPacket(a, b, flags), 4_000);
    expect(errors(a)).toEqual([]);
  });

  it('is the only one to be told', () => {
    const { world, a, b } = cutOff();
    repeat(world, a, numbered(a, b, 1), 4_000);
    expect(errors(a)).toEqual([]);
  });

  it('is not told when something is sent for the first time in a while', () => {
    const { world, a, b } = cutOff();
    world.run(10_000, 100);
    repeat(world, a, tcpPacket(a, b, ACK), 1_000);
    expect(errors(a)).toEqual([]);
  });

  it('is told at once by a node that stood still, which cannot know what is left of the path', () => {
    const { world, a, b } = cutOff();
    const packet = tcpPacket(a, b, ACK);
    world.now = millis(world.now + 5_000);
    world.send(a, packet, packet);
    expect(errors(a)).toEqual(['3/1', '3/1']);
    expect(a.counter('standstills')).toBe(1);
    world.run(1_000);
    expect(a.counter('standstills')).toBe(1);
  });

  it('is told also while its packets wait for new keys, after a sleep that ended all', () => {
    const { world, a, b } = cutOff();
    world.now = millis(world.now + 5_000);
    a.engine.handleClockJump(world.now);
    world.run(10);
    world.send(a, tcpPacket(a, b, ACK));
    expect(errors(a)).toEqual(['3/1']);
    expect(a.engine.node.held.packets).toBe(1);
  });
});
