import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type GroupId, type KeyVersion, keyVersion, nodeId } from '../../src/base/brands.ts';
import type { ModeName } from '../../src/base/datagram-kinds.ts';
import type { SideName } from '../../src/dprp/constants.ts';
import { decide, overlayDecision } from '../../src/dprp/decision-table.ts';
import { isWellFormed, type PathElement } from '../../src/dprp/path-element.ts';
import { orderFor, refuseOrder } from '../../src/dprp/refuse-order.ts';
import type { EndType } from '../../src/dprp/wire-names.ts';
import { numbered } from './path-notation.ts';

const groups: fc.Arbitrary<ReadonlyMap<GroupId, KeyVersion>> = fc
  .uniqueArray(fc.tuple(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 2 })), {
    maxLength: 3,
    selector: ([g]) => g,
  })
  .map((pairs) => new Map(pairs.map(([g, v]) => [numbered(g), keyVersion(v)])));

type Loose = Omit<PathElement, 'id'>;
const element = (side: SideName, types: readonly EndType[]): fc.Arbitrary<Loose> =>
  fc.record({
    type: fc.constantFrom(...types),
    mode: fc.constantFrom<ModeName[]>('op', 'cl'),
    side: fc.constant(side),
    groups,
  });
const row = (side: SideName, most: number) => fc.array(element(side, ['gen']), { maxLength: most });
const atEnd = (side: SideName) => fc.array(element(side, ['ges', 'gea', 'gen']), { maxLength: 1 });
const named = (path: readonly Loose[]): PathElement[] =>
  path.map((loose, at) => ({ ...loose, id: nodeId((at + 1).toString(16).padStart(32, '0')) }));

/** Every kind of path that can be, up to eight elements. */
const paths = fc
  .tuple(
    atEnd('s'),
    row('s', 2),
    fc.array(fc.oneof(element('n', ['gen']), element('b', ['gen'])), { maxLength: 2 }),
    row('d', 2),
    atEnd('d'),
  )
  .map((parts) => named(parts.flat()));

/** Any elements in any order. */
const anyPath = fc
  .array(
    fc.constantFrom<SideName[]>('s', 'd', 'n', 'b').chain((side) => element(side, ['ges', 'gea', 'gen'])),
    { maxLength: 5 },
  )
  .map(named);

const SWAPPED: Readonly<Record<SideName, SideName>> = { s: 'd', d: 's', n: 'n', b: 'b' };
const reversed = (path: readonly PathElement[]) =>
  [...path].reverse().map((member): PathElement => ({ ...member, side: SWAPPED[member.side] }));
const RUNS = { numRuns: 5_000 };

describe('for every path', () => {
  it('the generator gives only paths that can be, and the other one also gives others', () => {
    fc.assert(fc.property(paths, isWellFormed), RUNS);
    expect(fc.sample(anyPath, 200).some((path) => !isWellFormed(path))).toBe(true);
  });

  it('the reverse direction gets the same plan', () => {
    fc.assert(
      fc.property(fc.oneof(paths, anyPath), (path) => {
        const there = decide(path);
        const back = decide(reversed(path));
        const mirror = <T extends { readonly element: number }>(old: T) => ({
          ...old,
          element: path.length - 1 - old.element,
        });
        expect(back).toEqual({
          ...there,
          elements: [...there.elements].reverse(),
          alsoOld: there.alsoOld.map(mirror),
          ...(there.stale && { stale: mirror(there.stale) }),
        });
      }),
      RUNS,
    );
  });

  it('a closed element that protects an end never passes clear text', () => {
    fc.assert(
      fc.property(fc.oneof(paths, anyPath), (path) => {
        for (const [at, { action }] of decide(path).elements.entries()) {
          const { mode, side } = path[at];
          if (mode === 'cl' && (side === 's' || side === 'd')) expect(action).not.toBe('RELAY-P');
        }
      }),
      RUNS,
    );
  });

  it('either nobody encrypts, or exactly two do, under a group and version that both hold as their newest', () => {
    fc.assert(
      fc.property(paths, (path) => {
        const decision = decide(path);
        const ends = decision.elements.flatMap((plan, at) => (plan.action === 'ENC' ? [{ ...plan, at }] : []));
        expect(ends.length).toBe(decision.result === 'encrypt' ? 2 : 0);
        for (const { group, version, at } of ends) {
          expect([group, version]).toEqual([ends[0].group, ends[0].version]);
          expect(group && path[at].groups.get(group)).toBe(version);
        }
      }),
      RUNS,
    );
  });

  it('ciphertext is relayed only between the two ends, clear text only outside', () => {
    fc.assert(
      fc.property(paths, (path) => {
        const actions = decide(path)
          .elements.map(({ action }) => action)
          .join(' ');
        expect(actions).toMatch(/^(RELAY-P ?)*(ENC (RELAY-C )*ENC ?)?(RELAY-P ?)*$|^(DISCARD ?)*$|^(HOLD ?)*$/);
      }),
      RUNS,
    );
  });

  it('closing an open element never turns a discard into anything else', () => {
    fc.assert(
      fc.property(paths, fc.nat(), (path, pick) => {
        if (decide(path).result !== 'discard') return;
        const closed = path.map(
          (member, at): PathElement => (at === pick % path.length ? { ...member, mode: 'cl' } : member),
        );
        expect(decide(closed).result).toBe('discard');
      }),
      RUNS,
    );
  });

  it('C1: towards the overlay nothing is decided that sends clear text between two speakers', () => {
    fc.assert(
      fc.property(fc.oneof(paths, anyPath), (path) => overlayDecision(path).result !== 'relay-plain'),
      RUNS,
    );
  });

  it('every element accepts an honest decision', () => {
    fc.assert(
      fc.property(paths, (path) => {
        const decision = decide(path);
        for (const [at, own] of path.entries()) expect(refuseOrder(own, orderFor(path, decision, at))).toBeNull();
      }),
      RUNS,
    );
  });
});
