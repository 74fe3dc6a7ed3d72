import { finishChecksum, foldSum, pseudoHeaderSum, sumWords } from './checksum.ts';
import type { InnerHeader } from './inner-header.ts';
import { IPV4, TCP, UDP } from './inner-wire.ts';

/** Whether the L4 checksum of a whole TCP or UDP packet is right; UDP may have none (protocol.md 5.5). */
export function checksumHolds(view: DataView, at: number, length: number, inner: InnerHeader): boolean {
  const l4 = at + inner.l4Offset;
  const l4Length = length - inner.l4Offset;
  if (inner.protocol === UDP.protocol && view.getUint16(l4 + UDP.checksum) === 0) return true;
  const pseudo = pseudoHeaderSum(view, at, inner.version, inner.protocol, l4Length);
  return foldSum(sumWords(view, l4, l4Length, pseudo)) === 0xffff;
}

/** Writes the pseudo-header sum of this length into the L4 checksum field, as a partial checksum stands there. */
export function writePartialChecksum(view: DataView, at: number, length: number, inner: InnerHeader): void {
  const pseudo = pseudoHeaderSum(view, at, inner.version, inner.protocol, length - inner.l4Offset);
  view.setUint16(at + inner.l4Offset + inner.checksumOffset, foldSum(pseudo));
}

/** Writes the whole L4 checksum. */
export function writeFullChecksum(view: DataView, at: number, length: number, inner: InnerHeader): void {
  writePartialChecksum(view, at, length, inner);
  const l4 = at + inner.l4Offset;
  const sum = finishChecksum(sumWords(view, l4, length - inner.l4Offset));
  view.setUint16(l4 + inner.checksumOffset, written(sum, inner.protocol));
}

export function writeIpv4Checksum(view: DataView, at: number, headerLength: number): void {
  view.setUint16(at + IPV4.checksum, 0);
  view.setUint16(at + IPV4.checksum, finishChecksum(sumWords(view, at, headerLength)));
}

/** Completes the L4 checksum of a whole TCP or UDP packet that holds the sum of its pseudo header; `l4`: where its header starts. */
export function completeChecksum(packet: Uint8Array, l4: number, protocol: number): void {
  const view = new DataView(packet.buffer, packet.byteOffset, packet.byteLength);
  const sum = finishChecksum(sumWords(view, l4, packet.length - l4));
  view.setUint16(l4 + (protocol === TCP.protocol ? TCP.checksum : UDP.checksum), written(sum, protocol));
}

/** To UDP 0 means that there is no checksum, so ffff stands for it; TCP sends it as it is. */
function written(sum: number, protocol: number): number {
  return sum === 0 && protocol === UDP.protocol ? 0xffff : sum;
}
