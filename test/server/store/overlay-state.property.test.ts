import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { unixSeconds } from '../../../src/base/brands.ts';
import type { Change } from '../../../src/server/network/state.ts';
import { LiveState } from '../../../src/server/store/live-state.ts';
import { OverlayState } from '../../../src/server/store/overlay-state.ts';

const change: fc.Arbitrary<Change> = fc
  .record({ key: fc.constantFrom('a', 'b', 'c', 'd', 'e'), at: fc.option(fc.nat(9)) })
  .map(({ key, at }) => ({
    table: 'users',
    key,
    row: at === null ? undefined : { name: key, createdAt: unixSeconds(at) },
  }));
const changes = fc.array(change, { maxLength: 12 });

describe('an overlay', () => {
  it('reads like the state would with the changes in it, and leaves the state alone', () => {
    fc.assert(
      fc.property(changes, changes, (before, over) => {
        const [base, model] = [new LiveState(), new LiveState()];
        base.apply(before, 1);
        model.apply(before, 1);
        model.apply(over, 2);
        const kept = [...base.tables.users.entries()];
        const overlay = new OverlayState(base);
        overlay.apply(over, 2);
        const [users, wanted] = [overlay.tables.users, model.tables.users];
        const sorted = (entries: Iterable<readonly [string, unknown]>) =>
          [...entries].sort(([a], [b]) => (a < b ? -1 : 1));
        expect(sorted(users.entries())).toEqual(sorted(wanted.entries()));
        expect([...users.keys()].sort()).toEqual([...wanted.keys()].sort());
        expect([...users].map(([, row]) => row)).toEqual([...users.values()]);
        expect([users.size, overlay.revision]).toEqual([wanted.size, 2]);
        for (const key of 'abcdef')
          expect([users.get(key), users.has(key)]).toEqual([wanted.get(key), wanted.has(key)]);
        const visited: string[] = [];
        users.forEach((_, key) => {
          visited.push(key);
        });
        expect(visited).toEqual([...users.keys()]);
        expect([...base.tables.users.entries()]).toEqual(kept);
      }),
    );
  });
});
