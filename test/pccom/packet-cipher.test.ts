import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { concat, fromHex, toHex } from '../../src/base/bytes.ts';
import { SUITE, type Suite, TAG } from '../../src/base/primitives.ts';
import { noblePacketCipher } from '../../src/pccom/noble-packet-cipher.ts';
import { nodePacketCipher } from '../../src/pccom/node-packet-cipher.ts';

const CIPHERS = [noblePacketCipher, nodePacketCipher] as const;
const SUITES: readonly (readonly [string, Suite])[] = [
  ['AES-256-GCM', SUITE.aes256gcm],
  ['ChaCha20-Poly1305', SUITE.chacha20poly1305],
];

interface WycheproofTest {
  readonly tcId: number;
  readonly key: string;
  readonly iv: string;
  readonly aad: string;
  readonly msg: string;
  readonly ct: string;
  readonly tag: string;
  readonly result: 'valid' | 'invalid' | 'acceptable';
}
interface WycheproofFile {
  readonly testGroups: readonly {
    readonly keySize: number;
    readonly ivSize: number;
    readonly tagSize: number;
    readonly tests: readonly WycheproofTest[];
  }[];
}

/** The published tests of our parameters: 256-bit key, 96-bit nonce, 128-bit tag. */
function published(path: string): readonly WycheproofTest[] {
  const file: WycheproofFile = JSON.parse(readFileSync(path, 'utf8'));
  const ours = file.testGroups.filter((group) => group.keySize === 256 && group.ivSize === 96 && group.tagSize === 128);
  return ours.flatMap((group) => group.tests);
}

const FILES: readonly (readonly [string, Suite, number])[] = [
  ['wycheproof_aes_gcm.json', SUITE.aes256gcm, 66],
  ['wycheproof_chacha20_poly1305.json', SUITE.chacha20poly1305, 300],
];
const vectors = process.env['GSCIP_VECTORS'];
if (vectors === undefined)
  console.warn(`GSCIP_VECTORS is not set: ${FILES.length} files of packet cipher vectors not run`);

describe.runIf(vectors !== undefined)('published vectors of the packet cipher', () => {
  for (const [name, suite, least] of FILES) {
    const path = join(vectors ?? '', name);
    for (const cipher of CIPHERS) {
      it(`${cipher.name} agrees with ${name}`, () => {
        expect(existsSync(path), `${path} is missing`).toBe(true);
        const tests = published(path);
        expect(tests.length).toBeGreaterThanOrEqual(least);
        for (const test of tests) checkPublished(cipher, suite, test);
      });
    }
  }
});

function checkPublished(cipher: (typeof CIPHERS)[number], suite: Suite, test: WycheproofTest): void {
  const [iv, aad, message] = [fromHex(test.iv), fromHex(test.aad), fromHex(test.msg)];
  const sealed = fromHex(test.ct + test.tag);
  const key = cipher.load(suite, fromHex(test.key));
  const opened = sealed.slice();
  expect(key.openInPlace(iv, aad, opened), `test ${test.tcId}`).toBe(test.result === 'valid');
  if (test.result !== 'valid') {
    expect(toHex(opened), `test ${test.tcId} leaves what it refused`).toBe(toHex(sealed));
    return;
  }
  expect(toHex(opened.subarray(0, message.length))).toBe(test.msg);
  const out = new Uint8Array(message.length + TAG);
  key.seal(iv, aad, message, out);
  expect(toHex(out), `test ${test.tcId}`).toBe(toHex(sealed));
}

const bytes = (size: number) => fc.uint8Array({ minLength: size, maxLength: size });

describe('packet cipher', () => {
  for (const [name, suite] of SUITES) {
    it(`gives the same ${name} bytes by noble and by node:crypto`, () => {
      const input = [bytes(32), bytes(12), bytes(16), fc.uint8Array({ maxLength: 1_500 })] as const;
      fc.assert(
        fc.property(...input, (secret, nonce, aad, plaintext) => {
          const sealed = CIPHERS.map((cipher) => {
            const out = new Uint8Array(plaintext.length + TAG);
            cipher.load(suite, secret).seal(nonce, aad, plaintext, out);
            return out;
          });
          expect(toHex(sealed[0])).toBe(toHex(sealed[1]));
          for (const cipher of CIPHERS) {
            const opened = sealed[0].slice();
            expect(cipher.load(suite, secret).openInPlace(nonce, aad, opened)).toBe(true);
            expect(toHex(opened.subarray(0, plaintext.length))).toBe(toHex(plaintext));
          }
        }),
        { numRuns: 60 },
      );
    });

    for (const cipher of CIPHERS) {
      it(`${cipher.name} refuses each changed byte of ${name}: nonce, header, ciphertext, tag`, () => {
        const key = cipher.load(suite, new Uint8Array(32).fill(7));
        const [nonce, aad, plaintext] = [new Uint8Array(12), new Uint8Array(16), new Uint8Array(5).fill(1)];
        const sealed = new Uint8Array(plaintext.length + TAG);
        key.seal(nonce, aad, plaintext, sealed);
        const whole = concat(nonce, aad, sealed);
        for (let at = 0; at < whole.length; at++) {
          const changed = whole.slice();
          changed[at] ^= 0x40;
          expect(key.openInPlace(changed.subarray(0, 12), changed.subarray(12, 28), changed.subarray(28))).toBe(false);
        }
      });

      it(`${cipher.name} refuses ${name} shorter than a tag without a throw (W2)`, () => {
        const key = cipher.load(suite, new Uint8Array(32));
        for (let length = 0; length < TAG; length++)
          expect(key.openInPlace(new Uint8Array(12), new Uint8Array(16), new Uint8Array(length))).toBe(false);
      });

      it(`${cipher.name} keeps its own copy of the ${name} key and wipes only that`, () => {
        const secret = new Uint8Array(32).fill(9);
        const key = cipher.load(suite, secret);
        const before = new Uint8Array(TAG);
        key.seal(new Uint8Array(12), new Uint8Array(16), new Uint8Array(0), before);
        secret.fill(0);
        const after = new Uint8Array(TAG);
        key.seal(new Uint8Array(12), new Uint8Array(16), new Uint8Array(0), after);
        expect(toHex(after)).toBe(toHex(before));
        key.wipe();
        key.seal(new Uint8Array(12), new Uint8Array(16), new Uint8Array(0), after);
        expect(toHex(after)).not.toBe(toHex(before));
      });
    }
  }
});
