import { describe, expect, it } from 'vitest';
import { millis } from '../../src/base/brands.ts';
import { isZero } from '../../src/base/bytes.ts';
import type { VerifiedBundle } from '../../src/crypto/bundle-verify.ts';
import { nodeProvider } from '../../src/crypto/node-provider.ts';
import { BundleKeys } from '../../src/node/bundle-keys.ts';
import { seededRandom } from './seeded-random.ts';
import { World } from './world.ts';

function network() {
  const world = new World('secrets');
  world.authority.group('office');
  for (const name of ['a', 'b']) world.authority.add(name, ['office']);
  const bundle = world.authority.bundle('a');
  const wall = () => world.wall();
  const deps = { provider: nodeProvider, random: seededRandom('secrets'), wall, persisted: undefined };
  return { world, bundle, keys: () => new BundleKeys(bundle, deps, world.now) };
}

function secretsOf({ bundle, groups }: VerifiedBundle): Uint8Array[] {
  const versions = [...bundle.groups, ...groups].flatMap((group) => group.versions);
  return [
    bundle.node.edSeed,
    ...bundle.domain.map(({ rn2 }) => rn2),
    ...versions.flatMap(({ rn1, rn2 }) => [rn1, rn2]),
  ];
}

const isWiped = (bytes: Uint8Array) => isZero(bytes);
const idle = { handshake: () => false, chain: () => false };

describe('the secrets of a node', () => {
  it('R7: V7: of a bundle are gone once the keys are derived, and the node goes on without them', () => {
    const { world, bundle, keys } = network();
    expect(secretsOf(bundle).some(isWiped)).toBe(false);
    const made = keys();
    expect(secretsOf(bundle).every(isWiped)).toBe(true);
    const newer = world.authority.bundle('a');
    made.reload(newer, world.now);
    expect(secretsOf(newer).every(isWiped)).toBe(true);
    expect(isWiped(made.identity().edSecret)).toBe(false);
    expect(made.groups()[0].versions[0].kPsk).toBeDefined();
    expect(made.domain()).not.toEqual([]);
  });

  it('R7: that a new identity replaced are kept for a minute, for the handshakes under way', () => {
    const { world, keys } = network();
    const made = keys();
    const { xSecret } = made.identity();
    made.reload(world.authority.bundle('a'), world.now);
    made.tick(millis(world.now + 59_000), idle);
    expect(isWiped(xSecret)).toBe(false);
    made.tick(millis(world.now + 60_000), idle);
    expect(isWiped(xSecret)).toBe(true);
    expect(isWiped(made.identity().xSecret)).toBe(false);
  });

  it('R7: are gone when it stops: those of its identity, and of the ones before', () => {
    const { world, keys } = network();
    const made = keys();
    const before = made.identity();
    made.reload(world.authority.bundle('a'), world.now);
    const after = made.identity();
    made.wipe();
    for (const { edSecret, xSecret } of [before, after]) expect([edSecret, xSecret].every(isWiped)).toBe(true);
  });
});
