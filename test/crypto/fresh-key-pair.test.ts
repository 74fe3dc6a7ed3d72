import { describe, expect, it } from 'vitest';
import { freshKeyPair } from '../../src/crypto/fresh-key-pair.ts';
import { seedOf } from './fixtures.ts';
import { PROVIDERS } from './providers.ts';

describe.each(PROVIDERS)('a key pair for one handshake (%s)', (_, provider) => {
  it('is that of the randomness, of which nothing stays', () => {
    const random = seedOf('fresh');
    const pair = freshKeyPair(provider, () => random);
    expect(pair).toEqual(provider.x25519KeyPair(seedOf('fresh')));
    expect(random).toEqual(new Uint8Array(32));
  });

  it('is whole where a provider hands the seed back as the secret key', () => {
    const lazy = {
      ...provider,
      x25519KeyPair: (seed: Uint8Array) => ({ publicKey: seedOf('public'), secretKey: seed }),
    };
    expect(freshKeyPair(lazy, () => seedOf('fresh')).secretKey).toEqual(seedOf('fresh'));
  });
});
