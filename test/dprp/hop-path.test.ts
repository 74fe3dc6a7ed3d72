import { describe, expect, it } from 'vitest';
import type { NodeId } from '../../src/base/brands.ts';
import { decodeCdn } from '../../src/dprp/cdn.ts';
import type { SideName } from '../../src/dprp/constants.ts';
import type { HopEffect } from '../../src/dprp/hop.ts';
import { decodeHopAction } from '../../src/dprp/hop-action.ts';
import { decodeMpit } from '../../src/dprp/mpit.ts';
import { BenchElement, caPartBytes, type ElementOptions } from './hop-bench.ts';
import { agreedKeys, type Datagram, domainVersion, kindOf, pair } from './negotiation-world.ts';

/** Whole negotiations of two nodes with on-path elements between them. */

const MIRROR: Readonly<Record<SideName, SideName>> = { s: 'd', d: 's', n: 'n', b: 'b' };

class PathWorld {
  readonly ends = pair();
  readonly elements: readonly BenchElement[];
  readonly effects: HopEffect[] = [];
  /** what each datagram was when it arrived, by kind */
  readonly arrived: Uint8Array[] = [];

  constructor(options: readonly ElementOptions[]) {
    const { a, b } = this.ends;
    const known = new Map<NodeId, Uint8Array>([a, b].map((node) => [node.id, caPartBytes(node.identity)]));
    const domain = () => [domainVersion(1)];
    this.elements = options.map((option, at) => new BenchElement(`G${at}`, { known, domain, ...option }));
    for (const { identity } of this.elements) a.certificates.set(identity.caPart.nodeId, caPartBytes(identity));
  }

  /** Negotiates; `change` alters a datagram just before its receiver gets it. */
  run(change: (bytes: Uint8Array) => Uint8Array = (bytes) => bytes): void {
    const { a, b, world, cid } = this.ends;
    world.start(a, b, cid);
    while (world.wire.length > 0) {
      const datagram = world.take();
      const bytes = this.#cross(datagram);
      if (bytes === null) continue;
      this.arrived.push(bytes);
      world.deliver(datagram, change(bytes));
    }
  }

  entries() {
    return this.effects.flatMap((effect) => (effect.kind === 'relay-entry' ? [effect.entry] : []));
  }

  #cross({ from, to, bytes }: Datagram): Uint8Array | null {
    const out = from === this.ends.a;
    let passing: Uint8Array | null = bytes;
    for (const { element, side } of out ? this.elements : this.elements.toReversed()) {
      if (passing === null) break;
      const passage = { from: from.path, to, side: out ? side : MIRROR[side] };
      const step = element.handle(passing, passage, this.ends.world.now);
      this.effects.push(...step.effects);
      passing = step.forward;
    }
    return passing;
  }
}

/** Closed GEN of the source, transit, closed GEN and GEA of the destination: none of them in the group of the ends. */
const SIDES: readonly ElementOptions[] = [
  { side: 's' },
  { side: 'n' },
  { side: 'n', mode: 'op' },
  { side: 'd', type: 'gen' },
];

describe('a negotiation across on-path elements', () => {
  it.each([
    [1, [284, 796, 810, 376]],
    [2, [284, 776, 792, 308]],
    [3, [316, 940, 958, 424]],
    [4, [368, 1104, 1124, 540]],
  ])('with %i of them gives the ends their keys and each element its entry, in four messages', (n, lengths) => {
    const path = new PathWorld(SIDES.slice(0, n));
    path.run();
    const { a, b } = path.ends;
    expect(path.arrived.map(({ length }) => length)).toEqual(lengths);
    const keys = agreedKeys(a, b);
    expect(keys.startSends).toBeDefined();
    expect(keys.startSends).toEqual(keys.endReceives);
    expect(keys.endSends).toEqual(keys.startReceives);
    expect([...a.counters(), ...b.counters()]).toEqual([]);
    expect(path.effects.length).toBe(n);
    // both ends tell their nodes what is between, the nearest first; only the start GE read what they say of themselves
    const ids = path.elements.map(({ identity }) => identity.caPart.nodeId);
    const [seenByA] = a.of('elements');
    expect(seenByA.between.map(({ id, said }) => [id, said?.side])).toEqual(ids.map((id, at) => [id, SIDES[at].side]));
    expect(b.of('elements')).toEqual([
      { kind: 'elements', peer: a.id, between: ids.toReversed().map((id) => ({ id, said: null })) },
    ]);
    const [sa] = a.of('install-receive').map((effect) => effect.sa);
    for (const entry of path.entries())
      expect(entry).toMatchObject({
        action: 'relay',
        startNode: a.id,
        endNode: b.id,
        indexStart: sa.local,
        indexEnd: sa.remote,
      });
  });

  it('H5: R confirms exactly the elements that MPIT names, in its order', () => {
    const path = new PathWorld(SIDES.slice(0, 3));
    path.run();
    const mpit = decodeMpit(path.arrived.find((bytes) => bytes[0] === 3) ?? new Uint8Array());
    const cdn = decodeCdn(path.arrived.find((bytes) => bytes[0] === 4) ?? new Uint8Array());
    if (typeof mpit === 'string' || typeof cdn === 'string') throw new Error('not decoded');
    const hints = (boxes: readonly Uint8Array[]) =>
      boxes.map((box) => {
        const decoded = decodeHopAction(box);
        return typeof decoded === 'string' ? decoded : decoded.hint;
      });
    expect(hints(cdn.confirmations)).toEqual(hints(mpit.actions));
    expect(path.entries().length).toBe(3);
  });

  it.each([
    ['whose certificate is a GES', { certified: { type: 'ges', mode: 'op' }, mode: 'op' }, 'rgi-hop-node-type'],
    [
      'that states another type than its certificate',
      { type: 'gea', certified: { type: 'gen', mode: 'cl' } },
      'rgi-hop-laxer-than-certificate',
    ],
    [
      'that calls itself open with a closed certificate',
      { mode: 'op', certified: { type: 'gen', mode: 'cl' } },
      'rgi-hop-laxer-than-certificate',
    ],
  ] as const)('A6: I drops the RGI of an element %s', (_, option, counter) => {
    const path = new PathWorld([option]);
    path.run();
    expect(path.ends.a.counters()).toContain(counter);
    expect(path.ends.a.of('install-receive')).toEqual([]);
  });

  it('an element that states more closed than its certificate is believed', () => {
    const path = new PathWorld([{ mode: 'cl', certified: { type: 'gen', mode: 'op' } }]);
    path.run();
    expect(path.entries().length).toBe(1);
  });

  it('H2: records in another order, one taken out or one altered, are not accepted', () => {
    const alterations: readonly (readonly [string, (rgi: Uint8Array) => Uint8Array, string])[] = [
      [
        'swapped',
        (rgi) => Uint8Array.of(...rgi.subarray(0, 448), ...rgi.subarray(612), ...rgi.subarray(448, 612)),
        'rgi-hop-signature',
      ],
      ['one out', (rgi) => Uint8Array.of(...rgi.subarray(0, 3), 1, ...rgi.subarray(4, 612)), 'rgi-hops'],
      ['altered', (rgi) => rgi.map((byte, at) => (at === 700 ? byte ^ 1 : byte)), 'rgi-hop-auth'],
      [
        'twice the same',
        (rgi) => Uint8Array.of(...rgi.subarray(0, 612), ...rgi.subarray(448, 612)),
        'rgi-hop-signature',
      ],
    ];
    for (const [name, alter, counter] of alterations) {
      const path = new PathWorld(SIDES.slice(0, 2));
      path.run((bytes) => (bytes[0] === 2 ? alter(bytes) : bytes));
      expect(path.ends.a.counters(), name).toContain(counter);
      expect(path.ends.a.of('install-receive'), name).toEqual([]);
      expect(path.ends.world.log.map(kindOf), name).not.toContain(3);
    }
  });

  it('elements whose sides no path can have make I discard the flow, before MPIT', () => {
    const path = new PathWorld([{ side: 'd' }, { side: 's' }]);
    path.run();
    const { a, world } = path.ends;
    expect(a.of('failed').map(({ reason }) => reason)).toEqual(['policy']);
    expect(world.log.map(kindOf)).not.toContain(3);
    expect(path.entries()).toEqual([]);
  });

  it('a certificate that I does not have, by reference, is a reason to drop, not to guess', () => {
    const path = new PathWorld(SIDES.slice(0, 2));
    path.ends.a.certificates.clear();
    path.run();
    expect(path.ends.a.counters()).toContain('rgi-hop-unknown-signer');
    expect(path.ends.a.of('install-receive')).toEqual([]);
  });
});
