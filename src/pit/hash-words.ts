/** HalfSipHash-1-3 of `count` little-endian words: a keyed hash for tables whose keys an adversary chooses. */
export function hashWords(words: Int32Array, at: number, count: number, low: number, high: number): number {
  let a = low;
  let b = high;
  let c = 0x6c796765 ^ low;
  let d = 0x74656462 ^ high;
  // one round for each word, one for the length, three at the end
  for (let step = 0; step < count + 4; step++) {
    const word = step < count ? words[at + step] : step === count ? count << 26 : 0;
    if (step === count + 1) c ^= 0xff;
    d ^= word;
    a = (a + b) | 0;
    b = ((b << 5) | (b >>> 27)) ^ a;
    a = (a << 16) | (a >>> 16);
    c = (c + d) | 0;
    d = ((d << 8) | (d >>> 24)) ^ c;
    a = (a + d) | 0;
    d = ((d << 7) | (d >>> 25)) ^ a;
    c = (c + b) | 0;
    b = ((b << 13) | (b >>> 19)) ^ c;
    c = (c << 16) | (c >>> 16);
    a ^= word;
  }
  return b ^ d;
}
