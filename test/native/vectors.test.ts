import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { concat, fromHex, toHex } from '../../src/base/bytes.ts';
import { MESSAGE, PRIMITIVE_COUNTERS, SUITE, type Suite } from '../../src/base/primitives.ts';
import { nodePacketCipher } from '../../src/pccom/node-packet-cipher.ts';
import { needAddon } from './need-addon.ts';

interface Vector {
  readonly tcId: number;
  readonly key: string;
  readonly iv: string;
  readonly msg: string;
  readonly ct: string;
  readonly result: string;
}
interface VectorFile {
  readonly testGroups: readonly {
    readonly keySize: number;
    readonly ivSize: number;
    readonly tests: readonly Vector[];
  }[];
}

const FILES: readonly (readonly [string, Suite, number])[] = [
  ['wycheproof_aes_gcm.json', SUITE.aes256gcm, 39],
  ['wycheproof_chacha20_poly1305.json', SUITE.chacha20poly1305, 200],
];
const folder = process.env['GSCIP_VECTORS'];
if (folder === undefined)
  console.warn(`GSCIP_VECTORS is not set: ${FILES.length} files of vectors for the addon not run`);

const addon = needAddon();

/** Valid vectors with our sizes of key and nonce. Their AAD is not a data header, so the tag has to come from elsewhere. */
function vectorsOf(name: string): readonly Vector[] {
  const file: VectorFile = JSON.parse(readFileSync(join(folder ?? '', name), 'utf8'));
  const groups = file.testGroups.filter((group) => group.keySize === 256 && group.ivSize === 96);
  return groups.flatMap((group) => group.tests).filter((test) => test.result === 'valid');
}

/** A lane whose nonce for its counter 0 is the vector's, open to itself. */
function laneOf(suite: Suite, key: Uint8Array, iv: Uint8Array) {
  const index = addon.saReserve(0);
  addon.saInstallTx(index, suite, key, iv, index);
  addon.saInstallRx(index, suite, key, iv, 8192);
  return index;
}

function sealed(suite: Suite, key: Uint8Array, iv: Uint8Array, header: Uint8Array, message: Uint8Array): Uint8Array {
  const out = new Uint8Array(message.length + 16);
  nodePacketCipher.load(suite, key).seal(iv, header, message, out);
  return out;
}

function opens(datagram: Uint8Array): string[] {
  const before = addon.counters().slice();
  const messages = new Int32Array(MESSAGE.stride);
  messages.set([0, datagram.length, datagram.length]);
  addon.openBatch(datagram.slice(), messages, 1, new Int32Array(4), new Int32Array(12));
  return PRIMITIVE_COUNTERS.filter((_, i) => addon.counters()[i] !== before[i]);
}

describe.runIf(folder !== undefined)('published vectors through the addon', () => {
  for (const [name, suite, least] of FILES) {
    it(`seals and opens as ${name} says`, () => {
      const vectors = vectorsOf(name);
      expect(vectors.length).toBeGreaterThanOrEqual(least);
      for (const vector of vectors) {
        const [key, iv, message] = [fromHex(vector.key), fromHex(vector.iv), fromHex(vector.msg)];
        const index = laneOf(suite, key, iv);
        const datagram = new Uint8Array(message.length + 32);
        expect(addon.sealOne(index, message, 0, datagram)).toBe(datagram.length);
        const body = datagram.subarray(16);
        expect(toHex(body.subarray(0, message.length)), `test ${vector.tcId}`).toBe(vector.ct);
        const header = datagram.slice(0, 16);
        expect(toHex(body), `test ${vector.tcId}`).toBe(toHex(sealed(suite, key, iv, header, message)));
        const changed = concat(
          datagram.subarray(0, datagram.length - 1),
          Uint8Array.of(datagram[datagram.length - 1] ^ 1),
        );
        expect(opens(changed)).toEqual(['auth-failed']);
        expect(opens(datagram)).toContain('opened');
        addon.saFree(index);
      }
    });
  }
});
