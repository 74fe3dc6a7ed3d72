import { finishChecksum, sumWords } from './checksum.ts';
import { IPV4 } from './inner-wire.ts';

const DONT_FRAGMENT = 0x4000;

/** May this packet be cut on its way: IPv4, its sender does not forbid it, and no options whose copying would matter. */
export function mayBeCut(packet: Uint8Array): boolean {
  return packet[0] === 0x45 && (((packet[6] << 8) | packet[7]) & DONT_FRAGMENT) === 0;
}

/** Cuts an IPv4 packet, which may be a fragment itself, into fragments of at most `mtu` bytes (RFC 791 3.2). */
export function cutPacket(packet: Uint8Array, mtu: number): Uint8Array[] {
  const fields = new DataView(packet.buffer, packet.byteOffset, packet.byteLength).getUint16(IPV4.fragment);
  const step = (mtu - IPV4.size) & ~7;
  const pieces: Uint8Array[] = [];
  for (let at = IPV4.size; at < packet.length; at += step) {
    const end = Math.min(at + step, packet.length);
    const piece = new Uint8Array(IPV4.size + end - at);
    piece.set(packet.subarray(0, IPV4.size));
    piece.set(packet.subarray(at, end), IPV4.size);
    const view = new DataView(piece.buffer);
    const more = end < packet.length ? IPV4.moreFragments : fields & IPV4.moreFragments;
    const offset = (fields & IPV4.fragmentOffset) + (at - IPV4.size) / 8;
    view.setUint16(IPV4.totalLength, piece.length);
    view.setUint16(IPV4.fragment, more | offset);
    view.setUint16(IPV4.checksum, 0);
    view.setUint16(IPV4.checksum, finishChecksum(sumWords(view, 0, IPV4.size)));
    pieces.push(piece);
  }
  return pieces;
}
