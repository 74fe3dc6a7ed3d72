/** Adds the big-endian 16-bit words of `length` bytes at `at` to a partial sum; an odd last byte counts as the high half (RFC 1071). */
export function sumWords(view: DataView, at: number, length: number, sum = 0): number {
  const end = at + length;
  let total = sum;
  let i = at;
  for (; i + 4 <= end; i += 4) {
    const word = view.getUint32(i);
    total += (word >>> 16) + (word & 0xffff);
  }
  for (; i + 2 <= end; i += 2) total += view.getUint16(i);
  if (i < end) total += view.getUint8(i) << 8;
  return total;
}

/** The sum as 16 bits with its carries folded in, not complemented. */
export function foldSum(sum: number): number {
  // A sum of a packet's words is below 2^32, so that the first fold may use integer operators.
  let folded = (sum >>> 16) + (sum & 0xffff);
  folded = (folded >>> 16) + (folded & 0xffff);
  return folded;
}

/** The Internet checksum that a header field holds for this sum. */
export function finishChecksum(sum: number): number {
  return ~foldSum(sum) & 0xffff;
}

/** The sum of a TCP or UDP pseudo header: addresses as they stand in the IP header at `ip`, protocol, and length of header and payload. */
export function pseudoHeaderSum(
  view: DataView,
  ip: number,
  version: number,
  protocol: number,
  l4Length: number,
): number {
  const addresses = version === 4 ? sumWords(view, ip + 12, 8) : sumWords(view, ip + 8, 32);
  return addresses + protocol + l4Length;
}
