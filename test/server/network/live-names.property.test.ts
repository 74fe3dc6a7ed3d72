import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { nodeId } from '../../../src/base/brands.ts';
import { freeNodeName } from '../../../src/server/network/commands/enrol.ts';
import { Draft, type View } from '../../../src/server/network/draft.ts';
import type { Change, NodeRow } from '../../../src/server/network/state.ts';
import { LiveState } from '../../../src/server/store/live-state.ts';
import { OverlayState } from '../../../src/server/store/overlay-state.ts';
import { world } from './ground.ts';

const NAMES = ['x', 'y', 'z'];
const PATTERN = world().join({ name: 'pattern' });

/** What becomes of a node: it gets this name, is removed, or its row goes. */
type Step = readonly [number: number, what: string];
const steps = fc.array(fc.tuple(fc.nat(3), fc.constantFrom(...NAMES, 'removed', 'gone')), { maxLength: 8 });

/** The live node of that name, found by a look at all. */
const found = (nodes: Iterable<NodeRow>, name: string) =>
  [...nodes].find((node) => node.name === name && node.standing !== 'removed')?.id;

/** The rows that steps make, without those that would give a live node's name to another one. */
function changesOf(rows: Map<string, NodeRow>, made: readonly Step[]): Change[] {
  return made.flatMap(([number, what]) => {
    const key = nodeId(`${number}`.repeat(32));
    const before = rows.get(key);
    if (what === 'gone') rows.delete(key);
    else if (what === 'removed') {
      if (!before) return [];
      rows.set(key, { ...before, standing: 'removed' });
    } else if ((found(rows.values(), what) ?? key) === key)
      rows.set(key, { ...PATTERN, id: key, name: what, standing: 'active' });
    else return [];
    return [{ table: 'nodes', key, row: rows.get(key) }] satisfies Change[];
  });
}

describe('the names of live nodes', () => {
  it('are found as a look at all nodes finds them: in a state, over one, and in a draft', () => {
    fc.assert(
      fc.property(steps, steps, steps, (first, second, third) => {
        const rows = new Map<string, NodeRow>();
        const agrees = (view: Pick<View, 'nodeNamed'>) => {
          for (const name of NAMES) expect(view.nodeNamed(name)?.id).toBe(found(rows.values(), name));
        };
        const state = new LiveState();
        state.apply(changesOf(rows, first), 1);
        agrees(state);
        const overlay = new OverlayState(state);
        overlay.apply(changesOf(rows, second), 2);
        agrees(overlay);
        const draft = new Draft(overlay);
        for (const change of changesOf(rows, third)) draft.put(change);
        agrees(draft);
      }),
    );
  });

  it.each([
    [0, 'web'],
    [1, 'web-2'],
    [2, 'web-3'],
    [9_999, 'web-10000'],
    [16_384, 'web-16385'],
  ])('%i of which are taken leave the next one free, found with few looks', (taken, wanted) => {
    const names = new Set(Array.from({ length: taken }, (_, at) => (at === 0 ? 'web' : `web-${at + 1}`)));
    let looks = 0;
    const view: View = {
      get: () => undefined,
      rows: () => {
        throw new Error('a look at all nodes');
      },
      nodeNamed: (name) => {
        looks += 1;
        return names.has(name) ? PATTERN : undefined;
      },
    };
    expect(freeNodeName(view, 'web')).toBe(wanted);
    expect(looks).toBeLessThanOrEqual(2 + 2 * Math.ceil(Math.log2(taken + 2)));
  });

  it('stay below the longest there may be, whatever the number', () => {
    const long = 'a'.repeat(63);
    const names = new Set([long, `${'a'.repeat(61)}-2`]);
    const view: View = {
      get: () => undefined,
      rows: () => [][Symbol.iterator](),
      nodeNamed: (name) => (names.has(name) ? PATTERN : undefined),
    };
    expect(freeNodeName(view, long)).toBe(`${'a'.repeat(61)}-3`);
  });
});
