import { describe, expect, it } from 'vitest';
import { toHex } from '../../src/base/bytes.ts';
import { nodeProvider } from '../../src/crypto/node-provider.ts';
import { fillSlots, slotTag, usedSlots } from '../../src/dprp/dde-tags.ts';
import { counterRandom, GROUP_A, groupView, pair, version } from './negotiation-world.ts';

const ephemeral = new Uint8Array(32).fill(9);

function listed(groups: number, previous: boolean) {
  const { a, b } = pair();
  const current = version(GROUP_A, 2);
  const one = {
    group: groupView(GROUP_A, [a, b], [current]),
    current,
    previous: previous ? version(GROUP_A, 1) : undefined,
  };
  return Array.from({ length: groups }, () => one);
}

describe('slots', () => {
  it('hold a tag for the current and the previous version of each group, the others random', () => {
    const { slots, tags } = fillSlots(nodeProvider, counterRandom('x'), ephemeral, listed(3, true));
    expect(slots).toHaveLength(128);
    expect(tags.filter(Boolean)).toHaveLength(6);
    for (const [slot, tag] of tags.entries()) {
      const bytes = toHex(slots.subarray(8 * slot, 8 * slot + 8));
      if (tag) expect(bytes).toBe(toHex(slotTag(nodeProvider, tag.version.kTag, ephemeral)));
    }
    expect(
      new Set(
        usedSlots(
          slots,
          tags.map((tag) => tag?.preference ?? null),
        ).values(),
      ).size,
    ).toBe(2); // equal groups, equal tags
  });

  it('fill all sixteen with eight groups', () => {
    const { tags } = fillSlots(nodeProvider, counterRandom('x'), ephemeral, listed(8, true));
    expect(tags.every(Boolean)).toBe(true);
  });

  it('stand in every place about equally often', () => {
    const random = counterRandom('shuffle');
    const counts = new Array<number>(16).fill(0);
    const rounds = 800;
    for (let i = 0; i < rounds; i++) {
      const { tags } = fillSlots(nodeProvider, random, ephemeral, listed(1, false));
      counts[tags.findIndex(Boolean)] += 1;
    }
    // 50 expected in each; the bound is 5 standard deviations of a binomial count.
    for (const count of counts) expect(Math.abs(count - rounds / 16)).toBeLessThan(5 * Math.sqrt(rounds / 16));
  });

  it('change with the ephemeral key, so that two DDEs share no tag', () => {
    const { kTag } = version(GROUP_A, 2);
    expect(toHex(slotTag(nodeProvider, kTag, ephemeral))).not.toBe(
      toHex(slotTag(nodeProvider, kTag, new Uint8Array(32))),
    );
  });
});
