import { concat } from '../../src/base/bytes.ts';
import { tcp } from '../base/ip-packets.ts';
import type { SimNode } from './world.ts';

/** An IPv4 or IPv6 UDP packet between two overlay addresses, with right checksums. */
export function udpPacket(
  from: Uint8Array,
  to: Uint8Array,
  ports: readonly [number, number],
  payload: Uint8Array,
): Uint8Array {
  const udp = new Uint8Array(8 + payload.length);
  const view = new DataView(udp.buffer);
  view.setUint16(0, ports[0]);
  view.setUint16(2, ports[1]);
  view.setUint16(4, udp.length);
  udp.set(payload, 8);
  view.setUint16(6, checksum(concat(pseudo(from, to, 17, udp.length), udp)) || 0xffff);
  return concat(header(from, to, 17, udp.length), udp);
}

/** UDP from one simulated node to another; the number stands in the payload of `size` bytes. */
export function numbered(
  from: SimNode,
  to: SimNode,
  number: number,
  port = 5000,
  family: 4 | 6 = 4,
  size = 16,
): Uint8Array {
  const payload = new Uint8Array(size);
  new DataView(payload.buffer).setUint32(0, number);
  return udpPacket(from.address(family), to.address(family), [port, 7], payload);
}

/** A TCP segment with 24 bytes of payload from one simulated node to another, with right checksums. */
export function tcpPacket(from: SimNode, to: SimNode, flags: number, family: 4 | 6 = 4): Uint8Array {
  const [source, destination] = [from.address(family), to.address(family)];
  const segment = tcp(4000, 22, flags, 24);
  const view = new DataView(segment.buffer);
  view.setUint16(16, checksum(concat(pseudo(source, destination, 6, segment.length), segment)));
  return concat(header(source, destination, 6, segment.length), segment);
}

/** A packet with its IPv4 header checksum filled in. */
export function withIpChecksum(packet: Uint8Array): Uint8Array {
  const out = packet.slice();
  const view = new DataView(out.buffer);
  view.setUint16(10, 0);
  view.setUint16(10, checksum(out.subarray(0, (out[0] & 15) * 4)));
  return out;
}

/** The numbers of the packets that a node's TUN got, in order. */
export function numbersOf(node: SimNode): number[] {
  return node.received.map((packet) => new DataView(packet.buffer, packet.byteOffset).getUint32(ipLength(packet) + 8));
}

/** An answer: ports of the flow exchanged; the checksum stays right, since a sum does not mind the order. */
export function swapPorts(packet: Uint8Array): Uint8Array {
  const at = packet[0] >>> 4 === 4 ? 20 : 40;
  const out = packet.slice();
  out.copyWithin(at, at + 2, at + 4);
  out.set(packet.subarray(at, at + 2), at + 2);
  return out;
}

function ipLength(packet: Uint8Array): number {
  return packet[0] >>> 4 === 4 ? (packet[0] & 15) * 4 : 40;
}

function header(from: Uint8Array, to: Uint8Array, protocol: number, length: number): Uint8Array {
  if (from.length === 16) {
    const ip = new Uint8Array(8);
    ip[0] = 0x60;
    new DataView(ip.buffer).setUint16(4, length);
    ip[6] = protocol;
    ip[7] = 64;
    return concat(ip, from, to);
  }
  const ip = new Uint8Array(20);
  const view = new DataView(ip.buffer);
  ip[0] = 0x45;
  view.setUint16(2, 20 + length);
  view.setUint16(6, 0x4000);
  ip[8] = 64;
  ip[9] = protocol;
  ip.set(from, 12);
  ip.set(to, 16);
  view.setUint16(10, checksum(ip));
  return ip;
}

function pseudo(from: Uint8Array, to: Uint8Array, protocol: number, length: number): Uint8Array {
  const tail = new Uint8Array(from.length === 16 ? 8 : 4);
  const view = new DataView(tail.buffer);
  if (tail.length === 8) view.setUint32(0, length);
  else view.setUint16(2, length);
  tail[tail.length === 8 ? 7 : 1] = protocol;
  return concat(from, to, tail);
}

function checksum(bytes: Uint8Array): number {
  let sum = 0;
  for (let i = 0; i < bytes.length; i += 2) sum += (bytes[i] << 8) | (bytes[i + 1] ?? 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}
