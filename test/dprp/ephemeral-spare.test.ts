import { describe, expect, it } from 'vitest';
import { millis } from '../../src/base/brands.ts';
import { toHex } from '../../src/base/bytes.ts';
import { nodeProvider } from '../../src/crypto/node-provider.ts';
import { EphemeralSource } from '../../src/dprp/ephemeral.ts';

const at = (seconds: number) => millis(seconds * 1000);

/** A source whose seeds and key pairs are counted. */
function counted() {
  const made: Uint8Array[] = [];
  const provider = {
    ...nodeProvider,
    x25519KeyPair(seed: Uint8Array) {
      const pair = nodeProvider.x25519KeyPair(seed);
      made.push(pair.secretKey);
      return pair;
    },
  };
  let drawn = 0;
  const random = (length: number) => new Uint8Array(length).fill(++drawn);
  return { source: new EphemeralSource(provider, random, { key: new Uint8Array(32), bootCounter: 1 }), made };
}

describe('an ephemeral key made ahead', () => {
  it('is handed out once, and the next one is another', () => {
    const { source, made } = counted();
    source.prepare(at(1));
    source.prepare(at(2));
    expect(made).toHaveLength(1);
    const first = source.keyPair(at(3));
    expect(made).toHaveLength(1);
    const second = source.keyPair(at(3));
    expect(toHex(second.publicKey)).not.toBe(toHex(first.publicKey));
    expect(source.isOwn(first.publicKey)).toBe(true);
  });

  it('is not used after a minute, and another one is made then', () => {
    const { source, made } = counted();
    source.prepare(at(1));
    source.keyPair(at(61));
    expect(made).toHaveLength(2);
    source.prepare(at(70));
    source.prepare(at(129));
    expect(made).toHaveLength(3);
    source.prepare(at(130));
    expect(made).toHaveLength(4);
  });
});
