import { foldSum } from './checksum.ts';
import { TCP } from './inner-wire.ts';

const OPTION = { end: 0, nothing: 1, mss: 2 } as const;
const MSS_BYTES = 4;
/** IP and TCP headers without options: what an MSS leaves out (RFC 9293 3.7.1). */
const HEADERS = { 4: 40, 6: 60 } as const;

/**
 * Lowers the MSS option of a TCP SYN at `at` to what packets of `mtu` bytes hold (protocol.md 6.5); one that is lower, or
 * absent, stays. `tcp`: where its TCP header starts, counted from `at`; `partial`: its checksum holds the pseudo header only.
 * The headers must have been parsed before. True when it was lowered.
 */
export function clampMss(view: DataView, at: number, tcp: number, mtu: number, partial: boolean): boolean {
  const start = at + tcp;
  const most = mtu - HEADERS[view.getUint8(at) >>> 4 === 6 ? 6 : 4];
  const end = start + (view.getUint8(start + TCP.dataOffset) >>> 4) * 4;
  for (let option = start + TCP.size; option < end; ) {
    const kind = view.getUint8(option);
    if (kind === OPTION.end) return false;
    const length = kind === OPTION.nothing ? 1 : option + 1 < end ? view.getUint8(option + 1) : 0;
    if (length === 0 || option + length > end || (kind !== OPTION.nothing && length < 2)) return false;
    if (kind === OPTION.mss && length === MSS_BYTES) return lower(view, start, option + 2, most, partial);
    option += length;
  }
  return false;
}

function lower(view: DataView, tcp: number, field: number, most: number, partial: boolean): boolean {
  const before = view.getUint16(field);
  if (before <= most) return false;
  view.setUint16(field, most);
  if (partial) return true;
  // RFC 1624, equation 3; behind an odd number of bytes the halves of the words are the other way round
  const swap = ((field - tcp) & 1) === 1;
  const [old, fresh] = swap ? [swapped(before), swapped(most)] : [before, most];
  const sum = view.getUint16(tcp + TCP.checksum);
  view.setUint16(tcp + TCP.checksum, ~foldSum((~sum & 0xffff) + (~old & 0xffff) + fresh) & 0xffff);
  return true;
}

function swapped(word: number): number {
  return ((word & 0xff) << 8) | (word >>> 8);
}
