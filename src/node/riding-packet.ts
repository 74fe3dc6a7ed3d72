import { GSO_MASK, PARTIAL_CHECKSUM } from '../base/primitives.ts';
import { writeFullChecksum } from '../pccom/inner-checksum.ts';
import { InnerHeader } from '../pccom/inner-header.ts';
import type { HeldPacket } from '../pit/held.ts';

const inner = new InnerHeader();

/**
 * The bytes of a packet that rides behind an MPIT: its L4 checksum complete, since a control record has no flag for a
 * partial one. Undefined for a super-packet, or one larger than `room` bytes.
 */
export function ridingPacket(packet: HeldPacket, room: number): Uint8Array | undefined {
  if ((packet.kind & GSO_MASK) !== 0 || packet.bytes.length > room) return undefined;
  if ((packet.kind & PARTIAL_CHECKSUM) === 0) return packet.bytes;
  const bytes = packet.bytes.slice();
  const view = new DataView(bytes.buffer);
  if (!inner.parse(view, 0, bytes.length) || !inner.mayBePartial) return undefined;
  writeFullChecksum(view, 0, bytes.length, inner);
  return bytes;
}

/** The checks of protocol.md 5.5 on a packet that came behind an MPIT (T2). */
export function ridesWell(bytes: Uint8Array): boolean {
  return inner.parse(new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength), 0, bytes.length);
}
