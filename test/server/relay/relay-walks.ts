import { describe, expect, it } from 'vitest';
import type { RelayWalk } from '../../../src/base/relay-primitives.ts';
import { loadAddon } from '../../../src/native/addon.ts';
import { relayWalk } from '../../../src/server/relay/relay-walk.ts';

const addon = loadAddon();

/** The addon's walk, or why there is none. */
export function nativeWalk(): RelayWalk | string {
  if (typeof addon === 'string') return `the addon is not built (${addon}); run: sh scripts/build-native.sh`;
  return ({ slots, ends, heardAt, shares, numbers }, arena, messages, count, runs, cursor) =>
    addon.relayWalk(slots, ends, heardAt, shares, numbers, arena, messages, count, runs, cursor);
}

/** Runs the same tests over the packet path in TypeScript and that of the addon. Without a built addon its part fails. */
export function describeWalks(title: string, body: (walk: RelayWalk) => void): void {
  describe(`${title} (typescript)`, () => body(relayWalk));
  describe(`${title} (addon)`, () => {
    const walk = nativeWalk();
    if (typeof walk !== 'string') body(walk);
    else it('the addon is there to be tested', () => expect.fail(walk));
  });
}
