import { describe, expect, it } from 'vitest';
import { finishChecksum, sumWords } from '../../src/pccom/checksum.ts';
import { tooBigAnswer } from '../../src/pccom/icmp-answer.ts';
import { setIcmpSource } from '../../src/pccom/icmp-source.ts';

/** An inner packet whose sender is told that it is too large: the answer is an ICMP error with right checksums. */
function packet(family: 4 | 6): Uint8Array {
  const bytes = new Uint8Array(family === 4 ? 61 : 81);
  bytes[0] = family === 4 ? 0x45 : 0x60;
  if (family === 4) bytes.set([10, 1, 0, 10, 10, 2, 0, 10], 12);
  else bytes.set([0xfd, 1, ...new Array(13).fill(0), 10, 0xfd, 2, ...new Array(13).fill(7), 10], 8);
  return bytes;
}

const VIP = { 4: [...new Array(12).fill(0), 100, 64, 0, 9], 6: [0xfd, 0xe5, ...new Array(13).fill(0xff), 9] };

describe('the source of an ICMP error', () => {
  it.each([
    [4, 20, 12],
    [6, 40, 8],
  ] as const)('of IPv%i is replaced, and its checksums follow', (family, icmp, source) => {
    const error = tooBigAnswer(packet(family), 1_280);
    const before = error.slice();
    const view = new DataView(error.buffer);
    setIcmpSource(view, 0, icmp, Uint8Array.from(VIP[family]));
    const size = family === 4 ? 4 : 16;
    expect([...error.subarray(source, source + size)]).toEqual(VIP[family].slice(16 - size));
    // a checksum that is right makes the sum of all it covers zero
    if (family === 4) expect(finishChecksum(sumWords(view, 0, 20))).toBe(0);
    const pseudo = family === 4 ? 0 : sumWords(view, 8, 32) + (error.length - 40) + 58;
    expect(finishChecksum(sumWords(view, icmp, error.length - icmp, pseudo))).toBe(0);
    expect(error.subarray(icmp + 4)).toEqual(before.subarray(icmp + 4));
  });

  it('is replaced where the error lies inside a batch', () => {
    const error = tooBigAnswer(packet(6), 1_280);
    const arena = new Uint8Array(error.length + 32);
    arena.set(error, 17);
    setIcmpSource(new DataView(arena.buffer), 17, 40, Uint8Array.from(VIP[6]));
    const alone = error.slice();
    setIcmpSource(new DataView(alone.buffer), 0, 40, Uint8Array.from(VIP[6]));
    expect(arena.subarray(17, 17 + error.length)).toEqual(alone);
  });
});
