import { FLOW } from './flow-words.ts';

/**
 * Writes family and addresses of the IP header at `offset` into FLOW words, whatever else is wrong with the packet.
 * False: there is no such header.
 */
export function headerAddresses(view: DataView, offset: number, length: number, out: Int32Array): boolean {
  const family = length < 20 ? 0 : view.getUint8(offset) >>> 4;
  if (family === 4) {
    out.fill(0, FLOW.source, FLOW.destination + 4);
    out[FLOW.source + 3] = view.getInt32(offset + 12);
    out[FLOW.destination + 3] = view.getInt32(offset + 16);
  } else if (family === 6 && length >= 40) {
    for (let word = 0; word < 8; word++) out[FLOW.source + word] = view.getInt32(offset + 8 + 4 * word);
  } else return false;
  out[FLOW.head] = family << 8;
  return true;
}
