import { finishChecksum, sumWords } from './checksum.ts';

/** Bytes of an ICMP error at most, its IP header included, so that it passes everywhere (RFC 1812 4.3.2.3, RFC 4443 2.4). */
const ANSWER_4 = 576;
const ANSWER_6 = 1_280;
const HEADER_4 = 20;
const HEADER_6 = 40;
const ICMP = 8;
const TTL = 64;

/** What an ICMP error says: type, code, and the number in its last header word. */
interface Said {
  readonly type: number;
  readonly code: number;
  readonly word: number;
}

/**
 * The ICMP error that tells the sender of an inner packet how large it may be: destination unreachable, fragmentation needed
 * (RFC 792, 1191), or Packet Too Big (RFC 4443 3.2). It seems to come from the packet's own destination, since no router
 * of the overlay has an address.
 */
export function tooBigAnswer(packet: Uint8Array, mtu: number): Uint8Array {
  if (packet[0] >> 4 === 6) return answer6(packet, { type: 2, code: 0, word: mtu });
  return answer4(packet, { type: 3, code: 4, word: mtu });
}

/**
 * The ICMP error that tells the sender of an inner packet that nothing leads to its destination at present: host unreachable
 * (RFC 792), or no route (RFC 4443 3.1). TCP takes neither for the end of a connection (RFC 1122 4.2.3.9, RFC 6069).
 */
export function unreachableAnswer(packet: Uint8Array): Uint8Array {
  if (packet[0] >> 4 === 6) return answer6(packet, { type: 1, code: 0, word: 0 });
  return answer4(packet, { type: 3, code: 1, word: 0 });
}

function answer4(packet: Uint8Array, { type, code, word }: Said): Uint8Array {
  const quoted = packet.subarray(0, ANSWER_4 - HEADER_4 - ICMP);
  const bytes = new Uint8Array(HEADER_4 + ICMP + quoted.length);
  const view = new DataView(bytes.buffer);
  bytes[0] = 0x45;
  view.setUint16(2, bytes.length);
  bytes[8] = TTL;
  bytes[9] = 1;
  bytes.set(packet.subarray(16, 20), 12);
  bytes.set(packet.subarray(12, 16), 16);
  view.setUint16(10, finishChecksum(sumWords(view, 0, HEADER_4)));
  bytes[HEADER_4] = type;
  bytes[HEADER_4 + 1] = code;
  view.setUint32(HEADER_4 + 4, word);
  bytes.set(quoted, HEADER_4 + ICMP);
  view.setUint16(HEADER_4 + 2, finishChecksum(sumWords(view, HEADER_4, ICMP + quoted.length)));
  return bytes;
}

function answer6(packet: Uint8Array, { type, code, word }: Said): Uint8Array {
  const quoted = packet.subarray(0, ANSWER_6 - HEADER_6 - ICMP);
  const length = ICMP + quoted.length;
  const bytes = new Uint8Array(HEADER_6 + length);
  const view = new DataView(bytes.buffer);
  bytes[0] = 0x60;
  view.setUint16(4, length);
  bytes[6] = 58;
  bytes[7] = TTL;
  bytes.set(packet.subarray(24, 40), 8);
  bytes.set(packet.subarray(8, 24), 24);
  bytes[HEADER_6] = type;
  bytes[HEADER_6 + 1] = code;
  view.setUint32(HEADER_6 + 4, word);
  bytes.set(quoted, HEADER_6 + ICMP);
  // pseudo header: addresses, length, next header
  const pseudo = sumWords(view, 8, 32) + length + 58;
  view.setUint16(HEADER_6 + 2, finishChecksum(sumWords(view, HEADER_6, length, pseudo)));
  return bytes;
}
