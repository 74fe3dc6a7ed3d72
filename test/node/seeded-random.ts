import { utf8 } from '../../src/base/bytes.ts';
import { nodeProvider } from '../../src/crypto/node-provider.ts';

/** Bytes that depend on the seed and on how many were drawn before: worlds are the same at each run. */
export function seededRandom(seed: string): (length: number) => Uint8Array {
  let drawn = 0;
  return (length) => {
    const out = new Uint8Array(length);
    for (let at = 0; at < length; at += 32)
      out.set(nodeProvider.sha256(utf8(`${seed} ${drawn++}`)).subarray(0, Math.min(32, length - at)), at);
    return out;
  };
}
