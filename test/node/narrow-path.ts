import { expect } from 'vitest';
import { parsePath } from '../../src/base/path-address.ts';
import { numbered, numbersOf } from './packets.ts';
import { pair, type SimNode, type Wire, type World } from './world.ts';

/** The whole outer packet of a datagram: IP and UDP headers and what they carry. */
export const outerSize = (to: Parameters<Wire>[0]['to'], bytes: Uint8Array) =>
  bytes.length + (parsePath(to).family === 4 ? 28 : 48);

/** From now on the path swallows what is larger, without a word. */
export function narrow(world: World, mtu: number): void {
  world.wire = ({ to, bytes }) => (outerSize(to, bytes) > mtu ? [] : undefined);
}

export function met(options?: Parameters<typeof pair>[0]) {
  const joined = pair(options);
  const { world, a, b } = joined;
  world.send(a, numbered(a, b, 1));
  world.run(100);
  expect(numbersOf(b)).toEqual([1]);
  b.received.length = 0;
  return joined;
}

/** Sends packets of `size` payload bytes every 50 ms. */
export function stream(world: World, a: SimNode, b: SimNode, duration: number, size = 1_372, family: 4 | 6 = 4): void {
  for (const end = world.now + duration; world.now < end; world.run(50))
    world.send(a, numbered(a, b, 7, 5000, family, size));
}

/** MTUs that a node's own programs were told by ICMP. */
export function told(node: SimNode): number[] {
  return node.received.flatMap((packet) => {
    const view = new DataView(packet.buffer, packet.byteOffset);
    if (packet[0] === 0x45 && packet[9] === 1 && packet[20] === 3 && packet[21] === 4) return [view.getUint16(26)];
    return packet[0] === 0x60 && packet[6] === 58 && packet[40] === 2 ? [view.getUint32(44)] : [];
  });
}

export const slotOf = (from: SimNode, to: SimNode) => from.engine.node.paths.peer(to.keys.self().id).slot;
export const mtuOf = (from: SimNode, to: SimNode) => from.engine.node.mtus.of(slotOf(from, to));
