import { GscipError } from '../../src/base/errors.ts';
import type { CryptoProvider } from '../../src/crypto/provider.ts';
import { type Addon, loadAddon } from '../../src/native/addon.ts';
import { addonProvider } from '../../src/node/addon-provider.ts';
import { RandomPool } from '../../src/node/random-pool.ts';

/** What a node in memory computes with, as a real one has it. */
export interface Cores {
  readonly addon: Addon;
  readonly provider: CryptoProvider;
  random(length: number): Uint8Array;
}

export function coresInMemory(): Cores {
  const addon = loadAddon();
  if (typeof addon === 'string') throw new GscipError('addon-missing', addon, 'build it: sh scripts/build-native.sh');
  return { addon, provider: addonProvider(addon), random: new RandomPool().take };
}

/** A provider that adds up how often each of its functions is called, and for how long. */
export function timedProvider(provider: CryptoProvider): { readonly provider: CryptoProvider; readonly spent: Spent } {
  const spent: Spent = new Map();
  const timed =
    <A extends readonly unknown[], R>(name: string, act: (...given: A) => R) =>
    (...given: A): R => {
      const before = process.hrtime.bigint();
      const result = act(...given);
      const took = Number(process.hrtime.bigint() - before) / 1_000;
      const { calls, microseconds } = spent.get(name) ?? { calls: 0, microseconds: 0 };
      spent.set(name, { calls: calls + 1, microseconds: microseconds + took });
      return result;
    };
  const { xchachaSeal, xchachaOpen, ...rest } = provider;
  return {
    spent,
    provider: {
      xchachaSeal,
      xchachaOpen,
      sha256: timed('SHA-256', rest.sha256),
      hmac: timed('HMAC', rest.hmac),
      hkdfExtract: timed('HKDF', rest.hkdfExtract),
      hkdfExpand: timed('HKDF', rest.hkdfExpand),
      x25519KeyPair: timed('X25519 key pair', rest.x25519KeyPair),
      x25519: timed('X25519', rest.x25519),
      ed25519KeyPair: timed('Ed25519 key pair', rest.ed25519KeyPair),
      ed25519Sign: timed('Ed25519 sign', rest.ed25519Sign),
      ed25519Verify: timed('Ed25519 verify', rest.ed25519Verify),
      chachaSeal: timed('ChaCha20-Poly1305', rest.chachaSeal),
      chachaOpen: timed('ChaCha20-Poly1305', rest.chachaOpen),
    },
  };
}

export type Spent = Map<string, { readonly calls: number; readonly microseconds: number }>;
