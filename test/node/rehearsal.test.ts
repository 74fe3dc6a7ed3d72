import { describe, expect, it } from 'vitest';
import { unixSeconds } from '../../src/base/brands.ts';
import type { PacketPrimitives } from '../../src/base/primitives.ts';
import { nodeProvider } from '../../src/crypto/node-provider.ts';
import { Rehearsal } from '../../src/node/rehearsal.ts';
import { nodePacketCipher } from '../../src/pccom/node-packet-cipher.ts';
import { TypescriptPrimitives } from '../../src/pccom/typescript-primitives.ts';
import { seededRandom } from './seeded-random.ts';
import { SETTINGS } from './world.ts';

const NOW = unixSeconds(1_767_225_600);

function rehearsal(primitives: PacketPrimitives = new TypescriptPrimitives(nodePacketCipher), provider = nodeProvider) {
  return new Rehearsal(primitives, provider, seededRandom('rehearsal'), SETTINGS, NOW);
}

describe('a rehearsal', () => {
  it('plays handshakes and flows again and again, and gives every slot back', () => {
    const primitives = new TypescriptPrimitives(nodePacketCipher);
    const first = primitives.saReserve(0);
    primitives.saFree(first);
    const play = rehearsal(primitives);
    for (let i = 0; i < 20; i++) expect(play.play()).toBe(true);
    play.close();
    expect(primitives.saReserve(0)).toBe(first);
  });

  it('says so when what is opened is not what was sealed', () => {
    const broken = new TypescriptPrimitives(nodePacketCipher);
    const coalesce = broken.coalesceBatch.bind(broken);
    broken.coalesceBatch = (arena, records, runs, count, vnet, out) => {
      const used = coalesce(arena, records, runs, count, vnet, out);
      out[used - 1] ^= 1;
      return used;
    };
    expect(rehearsal(broken).play()).toBe(false);
  });

  it('says so when the two ends do not agree on a secret', () => {
    let calls = 0;
    const provider = {
      ...nodeProvider,
      x25519: (secretKey: Uint8Array, publicKey: Uint8Array) => {
        const shared = nodeProvider.x25519(secretKey, publicKey);
        if (shared && calls++ % 3 === 0) shared[0] ^= 1;
        return shared;
      },
    };
    expect(rehearsal(undefined, provider).play()).toBe(false);
  });
});
