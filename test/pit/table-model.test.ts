import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FLOW } from '../../src/base/flow-words.ts';
import { entriesFrom } from '../../src/pit/listing.ts';
import { PIT_ACTION, PUT_FAULT } from '../../src/pit/terms.ts';
import { at, flow, kit, reversed, values } from './table-kit.ts';

/** What the model knows of a flow. */
interface Expected {
  owner: number;
  version: number;
  confirmed: boolean;
  pitIdLow: number;
  packets: [number, number];
  readonly openedBy: Int32Array;
}

const CAPACITY = 12;

/** Both directions have one name. */
function nameOf(words: Int32Array): string {
  const name = (w: Int32Array) => w.slice(0, FLOW.cidWords).join();
  const [a, b] = [name(words), name(reversed(words))];
  return a < b ? a : b;
}

/** Few ends, so that flows meet; the swap takes the other direction. */
const anyFlow = fc
  .record({
    family: fc.constantFrom<4 | 6>(4, 6),
    source: fc.integer({ min: 1, max: 3 }),
    destination: fc.integer({ min: 1, max: 3 }),
    sourcePort: fc.nat(1),
    destinationPort: fc.nat(1),
    swap: fc.boolean(),
  })
  .map(({ swap, ...fields }) => (swap ? reversed(flow(fields)) : flow(fields)));

const anyStep = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant('put' as const),
      flow: anyFlow,
      owner: fc.nat(3),
      version: fc.nat(),
      pitIdLow: fc.nat(5),
      confirmed: fc.boolean(),
    }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('count' as const), flow: anyFlow }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('remove' as const), flow: anyFlow }) },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constantFrom('confirm' as const, 'unconfirm' as const), flow: anyFlow }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('reassign' as const), flow: anyFlow, owner: fc.nat(3) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('rename' as const), flow: anyFlow, pitIdLow: fc.nat(5) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('removeOwner' as const), owner: fc.nat(3) }) },
);
type Step = typeof anyStep extends fc.Arbitrary<infer T> ? T : never;

class Pair {
  readonly #kit = kit(CAPACITY);
  readonly #model = new Map<string, Expected>();

  step(step: Step, now: number): void {
    const { pit } = this.#kit;
    if (step.kind === 'removeOwner') {
      const owner = this.#owner(step.owner);
      const gone = [...this.#model].filter(([, expected]) => expected.owner === owner);
      for (const [name] of gone) this.#model.delete(name);
      expect(pit.removeOwner(owner, 'owner-removed', at(now))).toBe(gone.length);
      return;
    }
    const name = nameOf(step.flow);
    const known = this.#model.get(name);
    if (step.kind === 'put') {
      this.#put(step, name, known, now);
      return;
    }
    const found = pit.find(step.flow);
    expect(found >= 0).toBe(known !== undefined);
    if (known === undefined) return;
    const entry = found >> 1;
    switch (step.kind) {
      case 'count':
        pit.count(found, 1, 100, 0, at(now));
        known.packets[found & 1]++;
        break;
      case 'remove':
        pit.remove(entry, 'closed', at(now));
        this.#model.delete(name);
        break;
      case 'confirm':
        pit.confirm(entry);
        known.confirmed = true;
        break;
      case 'unconfirm':
        pit.makeProvisional(entry);
        known.confirmed = false;
        break;
      case 'reassign':
        known.owner = this.#owner(step.owner);
        pit.reassign(
          entry,
          { action: PIT_ACTION.encrypt, owner: known.owner, version: known.version, reason: 0 },
          at(now),
        );
        break;
      case 'rename':
        pit.renamePitId(entry, 0, step.pitIdLow);
        known.pitIdLow = step.pitIdLow;
        break;
    }
  }

  /** The whole table against the whole model. */
  compare(): void {
    const { pit } = this.#kit;
    const { entries } = pit;
    expect(entries.live).toBe(this.#model.size);
    expect([...entriesFrom(pit)].length).toBe(this.#model.size);
    const perOwner = new Map<number, number>();
    for (const expected of this.#model.values()) {
      const found = pit.find(expected.openedBy);
      expect(found & 1).toBe(0);
      const entry = found >> 1;
      expect([
        entries.owner(entry),
        entries.version(entry),
        entries.isConfirmed(entry),
        entries.pitIdLow(entry),
        entries.packets(entry, 0),
        entries.packets(entry, 1),
      ]).toEqual([expected.owner, expected.version, expected.confirmed, expected.pitIdLow, ...expected.packets]);
      if (expected.pitIdLow !== 0) {
        const same = pit.findPitId(expected.owner, 0, expected.pitIdLow);
        expect([entries.owner(same), entries.pitIdLow(same)]).toEqual([expected.owner, expected.pitIdLow]);
      }
      perOwner.set(expected.owner, (perOwner.get(expected.owner) ?? 0) + 1);
    }
    for (let number = 0; number < 4; number++)
      expect(pit.countOf(this.#owner(number))).toBe(perOwner.get(this.#owner(number)) ?? 0);
  }

  #put(step: Extract<Step, { kind: 'put' }>, name: string, known: Expected | undefined, now: number): void {
    const { pit, owners } = this.#kit;
    const owner = this.#owner(step.owner);
    const { version, confirmed, pitIdLow } = step;
    const full = this.#model.size === CAPACITY;
    const samePeer = [...this.#model].filter(([, expected]) => owners.peerOf(expected.owner) === owners.peerOf(owner));
    const entry = pit.put(step.flow, values(owner, { version, confirmed, pitIdLow }), at(now));
    if (known !== undefined || (full && samePeer.length === 0)) {
      expect(entry).toBe(known === undefined ? PUT_FAULT.full : PUT_FAULT.exists);
      return;
    }
    expect(entry).toBeGreaterThanOrEqual(0);
    if (full) {
      const gone = samePeer.filter(([, expected]) => pit.find(expected.openedBy) < 0);
      expect(gone.length).toBe(1);
      for (const [other] of gone) this.#model.delete(other);
    }
    this.#model.set(name, { owner, version, confirmed, pitIdLow, packets: [0, 0], openedBy: step.flow });
  }

  /** Two groups of two peers. */
  #owner(number: number): number {
    return this.#kit.owner(1 + (number >> 1), 1 + (number & 1));
  }
}

describe('the table under random operations', () => {
  it('is a Map from flows to entries, whatever the order of changes', () => {
    fc.assert(
      fc.property(fc.array(anyStep, { maxLength: 120 }), (steps) => {
        const pair = new Pair();
        steps.forEach((step, i) => {
          pair.step(step, i);
        });
        pair.compare();
      }),
      { numRuns: 400 },
    );
  });

  it('closes the gaps in its indexes: full, emptied in another order, and full again', () => {
    const { pit, owner } = kit(3000);
    const flows = Array.from({ length: 3000 }, (_, i) =>
      flow({ source: 10 + (i % 50), destination: 100 + (i >> 6), sourcePort: i, destinationPort: 7 }),
    );
    const id = (i: number) => ({ pitIdHigh: i % 7, pitIdLow: i + 1 });
    for (let round = 0; round < 2; round++) {
      flows.forEach((words, i) => {
        expect(pit.put(words, values(owner(1 + (i % 3)), id(i)), at(0))).toBeGreaterThanOrEqual(0);
      });
      const order = flows.map((_, i) => (i * 1009 + round) % flows.length);
      for (const [done, i] of order.entries()) {
        pit.remove(pit.find(flows[i]) >> 1, 'closed', at(0));
        const other = order[order.length - 1];
        if (done % 100 === 0 && done < order.length - 1)
          expect(pit.findPitId(owner(1 + (other % 3)), id(other).pitIdHigh, id(other).pitIdLow)).toBe(
            pit.find(flows[other]) >> 1,
          );
      }
      expect(pit.entries.live).toBe(0);
    }
  });
});
