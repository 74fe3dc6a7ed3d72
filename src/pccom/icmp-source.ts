import { finishChecksum, foldSum, sumWords } from './checksum.ts';

const SOURCE_4 = 12;
const SOURCE_6 = 8;
const CHECKSUM_4 = 10;
/** of an ICMP header */
const CHECKSUM = 2;

/**
 * Gives the ICMP error at `at` another source: `address` of 16 bytes, IPv4 in the last four. The header's checksum follows,
 * and that of ICMPv6, which covers the addresses. `icmp`: where the ICMP header starts, counted from `at`.
 */
export function setIcmpSource(view: DataView, at: number, icmp: number, address: Uint8Array): void {
  if (view.getUint8(at) >>> 4 === 6) return setSource6(view, at, at + icmp + CHECKSUM, address);
  for (let i = 0; i < 4; i++) view.setUint8(at + SOURCE_4 + i, address[12 + i]);
  view.setUint16(at + CHECKSUM_4, 0);
  view.setUint16(at + CHECKSUM_4, finishChecksum(sumWords(view, at, (view.getUint8(at) & 0x0f) << 2)));
}

/** RFC 1624, equation 3 */
function setSource6(view: DataView, at: number, field: number, address: Uint8Array): void {
  let sum = ~view.getUint16(field) & 0xffff;
  for (let i = 0; i < 16; i += 2) sum += ~view.getUint16(at + SOURCE_6 + i) & 0xffff;
  for (let i = 0; i < 16; i++) view.setUint8(at + SOURCE_6 + i, address[i]);
  sum += sumWords(view, at + SOURCE_6, 16);
  view.setUint16(field, ~foldSum(sum) & 0xffff);
}
