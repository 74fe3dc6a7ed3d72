import { TCP } from './inner-wire.ts';

/*
 * struct virtio_net_hdr of Linux, little-endian:
 *
 *   0       1          2         4          6            8             10
 *   +-------+----------+---------+----------+------------+-------------+
 *   | flags | gso_type | hdr_len | gso_size | csum_start | csum_offset |
 *   +-------+----------+---------+----------+------------+-------------+
 */
export const VNET_HEADER = 10;

const NEEDS_CSUM = 1;
const GSO_TCP4 = 1;
const GSO_TCP6 = 4;
const GSO_UDP = 5;

/** For a packet that is finished as it is. */
export function writePlainVnet(view: DataView, at: number): void {
  for (let i = 0; i < VNET_HEADER; i += 2) view.setUint16(at + i, 0);
}

/** For a packet whose checksum field holds the pseudo-header sum. */
export function writePartialVnet(view: DataView, at: number, start: number, offset: number): void {
  writePlainVnet(view, at);
  view.setUint8(at, NEEDS_CSUM);
  view.setUint16(at + 6, start, true);
  view.setUint16(at + 8, offset, true);
}

/** For a super-packet, on top of `writePartialVnet`. */
export function writeGsoVnet(
  view: DataView,
  at: number,
  version: number,
  protocol: number,
  headers: number,
  size: number,
): void {
  view.setUint8(at + 1, protocol !== TCP.protocol ? GSO_UDP : version === 4 ? GSO_TCP4 : GSO_TCP6);
  view.setUint16(at + 2, headers, true);
  view.setUint16(at + 4, size, true);
}
