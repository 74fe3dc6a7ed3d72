import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { keyVersion, millis } from '../../src/base/brands.ts';
import { toHex } from '../../src/base/bytes.ts';
import { pathAddress } from '../../src/base/path-address.ts';
import { decodeDde } from '../../src/dprp/dde.ts';
import type { HopEffect } from '../../src/dprp/hop.ts';
import { openHopRecord } from '../../src/dprp/hop-box.ts';
import { decodeRgi, hasAllRecords } from '../../src/dprp/rgi.ts';
import { HOP_RECORDS_PER_DDE } from '../../src/dprp/tuning.ts';
import {
  BenchElement,
  boxesAt,
  type Change,
  caPartBytes,
  DOMAIN,
  group,
  HopBench,
  INDEX,
  identity,
  key,
  LIFETIME,
  provider,
} from './hop-bench.ts';

const entriesOf = (effects: readonly HopEffect[]) =>
  effects.flatMap((effect) => (effect.kind === 'relay-entry' ? [effect.entry] : []));
const countersOf = (effects: readonly HopEffect[]) =>
  effects.flatMap((effect) => (effect.kind === 'counter' ? [effect.name] : []));

/** Elements that know both ends' certificates, as they need by reference. */
function elements(n: number): BenchElement[] {
  const ends = new HopBench([]);
  const known = new Map([ends.start, ends.end].map((end) => [end.caPart.nodeId, caPartBytes(end)]));
  return Array.from({ length: n }, (_, at) => new BenchElement(`G${at}`, { side: at === 0 ? 's' : 'n', known }));
}

describe('a negotiation through on-path elements', () => {
  it.each([1, 2, 3, 4])('with %i of them ends in one relay entry at each', (n) => {
    const bench = new HopBench(elements(n));
    const { rgi, seen } = bench.detect();
    expect(rgi.length).toBe([796, 776, 940, 1104][n - 1]);
    expect(seen.map(({ node }) => node)).toEqual(bench.elements.map((g) => g.identity.caPart.nodeId).reverse());
    const mpit = bench.mpit(seen);
    const out = bench.cross(mpit, 'towards-end');
    expect(out).toEqual({ arrived: mpit, effects: [] });
    const cdn = bench.cdn(seen);
    const back = bench.cross(cdn, 'towards-start');
    expect(back.arrived).toEqual(cdn);
    expect(entriesOf(back.effects)).toEqual(
      bench.elements.map(() => ({
        start: bench.startPath,
        end: bench.endPath,
        indexStart: INDEX.start,
        indexEnd: INDEX.end,
        startNode: bench.start.caPart.nodeId,
        endNode: bench.end.caPart.nodeId,
        action: 'relay',
        lifetime: LIFETIME,
      })),
    );
  });

  it('tells I of each element its type, mode, side and which slots it recognises', () => {
    const listed = [group('a', 5), group('b', 9), group('c', 2)];
    const held = [group('b', 9), group('c', 3, 2), group('d', 1)];
    const bench = new HopBench([new BenchElement('G', { type: 'gea', mode: 'cl', side: 'd', groups: held })], listed);
    const { rgi, seen } = bench.detect();
    const opened = openHopRecord(
      provider,
      bench.shared(bench.startKey, seen[0].binding.eG),
      seen[0].binding,
      seen[0].record,
    );
    if (typeof opened === 'string') throw new Error(opened);
    expect(opened.info).toMatchObject({ type: 'gea', mode: 'cl', side: 'd', caps: { type: 'gea' } });
    const tag = toHex(
      provider
        .hmac(key('tag b 9'), new Uint8Array([...Buffer.from('dde'), ...bench.startKey.publicKey]))
        .subarray(0, 8),
    );
    const slot = Array.from({ length: 16 }, (_, at) => toHex(bench.dde.subarray(44 + 8 * at, 52 + 8 * at))).indexOf(
      tag,
    );
    expect(opened.info.matchedSlots).toBe(1 << slot);
    expect(decodeRgi(rgi)).toBeTypeOf('object');
  });
});

describe('DDE at an on-path element', () => {
  it('H3: is dropped when it has passed 4 already', () => {
    const bench = new HopBench(elements(5));
    expect(bench.cross(bench.dde, 'towards-end')).toEqual({
      arrived: null,
      effects: [{ kind: 'counter', name: 'dde-hops' }],
    });
  });

  it.each([
    ['under a domain key of its number that differs', [{ ...DOMAIN, kDde: key('other') }]],
    ['under a version that it does not hold', [{ ...DOMAIN, v: keyVersion(4) }]],
    ['by an element that holds no domain key', []],
  ])('that it cannot open, %s, goes on untouched, and RGI gets no record', (_, domain) => {
    const bench = new HopBench([new BenchElement('G', { domain: () => domain })]);
    expect(bench.cross(bench.dde, 'towards-end')).toEqual({ arrived: bench.dde, effects: [] });
    const rgi = bench.rgi(bench.dde);
    expect(bench.cross(rgi, 'towards-start')).toEqual({ arrived: rgi, effects: [] });
  });

  it('raises hops and nothing else, and the same DDE again gives the same bytes', () => {
    const bench = new HopBench(elements(2));
    const arrived = bench.arrives(bench.dde, 'towards-end');
    const expected = bench.dde.slice();
    expected[3] = 2;
    expect(arrived).toEqual(expected);
    expect(bench.arrives(bench.dde, 'towards-end')).toEqual(arrived);
  });
});

describe('RGI at an on-path element', () => {
  it('H6: gets the same record again for 20 s, and none afterwards', () => {
    const bench = new HopBench(elements(2));
    const rgi = bench.rgi(bench.arrives(bench.dde, 'towards-end'));
    const first = bench.arrives(rgi, 'towards-start');
    bench.now = millis(bench.now + 19_999);
    expect(bench.arrives(rgi, 'towards-start')).toEqual(first);
    bench.now = millis(bench.now + 1);
    expect(bench.arrives(rgi, 'towards-start')).toEqual(rgi);
  });

  it('gets a new record under a new key for another answer to the same DDE, up to a limit', () => {
    const bench = new HopBench(elements(1));
    const dde = bench.arrives(bench.dde, 'towards-end');
    const records = Array.from({ length: HOP_RECORDS_PER_DDE }, (_, i) =>
      bench.seen(bench.arrives(bench.rgi(dde, `rgi ${i}`), 'towards-start')),
    );
    expect(new Set(records.map(([{ binding }]) => toHex(binding.eG))).size).toBe(HOP_RECORDS_PER_DDE);
    const { arrived, effects } = bench.cross(bench.rgi(dde, 'one more'), 'towards-start');
    expect([arrived, countersOf(effects)]).toEqual([null, ['rgi-answers']]);
    expect(bench.seen(bench.arrives(bench.rgi(dde, 'rgi 0'), 'towards-start'))).toEqual(records[0]);
  });

  it('H2: is dropped when its records do not fit this element’s place', () => {
    const bench = new HopBench(elements(2));
    const rgi = bench.rgi(bench.arrives(bench.dde, 'towards-end'));
    const [near] = bench.elements;
    const passage = { from: bench.endPath, to: bench.startPath, side: 'd' } as const;
    const skipped = near.element.handle(rgi, passage, bench.now);
    expect([skipped.forward, countersOf(skipped.effects)]).toEqual([null, ['rgi-hops']]);
    const forged = bench.rgi(bench.dde);
    expect(countersOf(bench.cross(forged, 'towards-start').effects)).toEqual(['rgi-hops']);
  });

  it('H2: lets I notice an element that appended nothing', () => {
    const bench = new HopBench(elements(2));
    const rgi = decodeRgi(bench.rgi(bench.arrives(bench.dde, 'towards-end')));
    const whole = decodeRgi(bench.detect().rgi);
    if (typeof rgi === 'string' || typeof whole === 'string') throw new Error('decode');
    expect([hasAllRecords(rgi), hasAllRecords(whole)]).toEqual([false, true]);
  });

  it('from other addresses than its DDE went to passes untouched', () => {
    const bench = new HopBench(elements(1));
    const rgi = bench.rgi(bench.arrives(bench.dde, 'towards-end'));
    const passage = { from: pathAddress('10.0.9.8:1'), to: bench.startPath, side: 'd' } as const;
    expect(bench.elements[0].element.handle(rgi, passage, bench.now)).toEqual({ forward: rgi, effects: [] });
  });

  it('A5: with an ephemeral key of small order gets no record', () => {
    const bench = new HopBench(elements(1));
    const rgi = bench.rgi(bench.arrives(bench.dde, 'towards-end'));
    rgi.fill(0, 16, 48);
    const { arrived, effects } = bench.cross(rgi, 'towards-start');
    expect([arrived, countersOf(effects)]).toEqual([null, ['rgi-weak-key']]);
  });

  it('H1: has a record that only its own key, and no other direction’s, opens', () => {
    const bench = new HopBench(elements(2));
    const { seen } = bench.detect();
    const [last, first] = seen;
    const shared = bench.shared(bench.startKey, first.binding.eG);
    expect(openHopRecord(provider, shared, first.binding, first.record)).toBeTypeOf('object');
    expect(openHopRecord(provider, shared, last.binding, last.record)).toBe('auth');
    for (const field of ['dde', 'eI', 'eR', 'eG'] as const)
      expect(openHopRecord(provider, shared, { ...first.binding, [field]: key('x') }, first.record), field).toBe(
        'auth',
      );
  });
});

const ORDERS = {
  relay: { action: 'relay', lifetime: LIFETIME },
  discard: { action: 'discard', lifetime: LIFETIME },
} as const;
const STRANGER = identity('stranger', 'ges');
const FORGED = identity('end', 'ges', 'op', key('another CA'));

/** Each row breaks one condition of the rule; nothing may be installed. */
const REFUSED: readonly (readonly [name: string, mpit: Change, cdn: Change, counter: string])[] = [
  ['I signed for another record than its own', { record: new Uint8Array(348) }, {}, 'hop-action-signature'],
  ['I signed another H(DDE)', { binding: { dde: key('x') } }, {}, 'mpit-hop-auth'],
  ['I signed another H(RGI core)', { binding: { rgi: key('x') } }, {}, 'hop-action-signature'],
  ['I named another element', { hop: STRANGER.caPart.nodeId }, {}, 'hop-action-signature'],
  ['I named another end', { end: STRANGER }, {}, 'hop-action-signature'],
  ['somebody else signed for I', { signAs: STRANGER }, {}, 'hop-action-signature'],
  ['R named another start', {}, { start: STRANGER }, 'hop-confirmation-signature'],
  ['R named another element', {}, { hop: STRANGER.caPart.nodeId }, 'hop-confirmation-signature'],
  ['R signed another H(RGI core)', {}, { binding: { rgi: key('x') } }, 'hop-confirmation-signature'],
  ['somebody else signed for R', {}, { signAs: STRANGER }, 'hop-confirmation-signature'],
  ['somebody else confirmed in his own name', {}, { end: STRANGER }, 'hop-action-signature'],
  ['the certificate of R is of a CA that it does not know', {}, { end: FORGED }, 'hop-end-unknown-issuer'],
  ['R confirmed another action', {}, { order: ORDERS.discard }, 'hop-other-action'],
  ['R confirmed another lifetime', {}, { order: { ...ORDERS.relay, lifetime: 1 } }, 'hop-other-action'],
  ['it is to encrypt', { order: { action: 'encrypt', lifetime: 9 } }, {}, 'mpit-hop-policy'],
  ['it is to terminate', { order: { action: 'terminate', lifetime: 9 } }, {}, 'mpit-hop-policy'],
];

describe('an on-path element', () => {
  it.each(REFUSED)('H4: installs nothing when %s', (_, forMpit, forCdn, counter) => {
    const bench = new HopBench(elements(1));
    const { seen } = bench.detect();
    const out = bench.cross(bench.mpit(seen, forMpit), 'towards-end');
    const back = bench.cross(bench.cdn(seen, forCdn), 'towards-start');
    expect(entriesOf(back.effects)).toEqual([]);
    expect(countersOf([...out.effects, ...back.effects])).toEqual([counter]);
  });

  it('H4: installs a discard that both ends agree on', () => {
    const bench = new HopBench(elements(1));
    const { seen } = bench.detect();
    bench.arrives(bench.mpit(seen, { order: ORDERS.discard }), 'towards-end');
    const { effects } = bench.cross(bench.cdn(seen, { order: ORDERS.discard }), 'towards-start');
    expect(entriesOf(effects)).toMatchObject([{ action: 'discard' }]);
  });

  it('H4: installs nothing without MPIT, and nothing on MPIT alone', () => {
    const bench = new HopBench(elements(1));
    const { seen } = bench.detect();
    expect(bench.cross(bench.cdn(seen), 'towards-start').effects).toEqual([]);
    expect(bench.cross(bench.mpit(seen), 'towards-end').effects).toEqual([]);
  });

  it('installs once: repeated MPIT and CDN pass and change nothing', () => {
    const bench = new HopBench(elements(2));
    const { seen } = bench.detect();
    const [mpit, cdn] = [bench.mpit(seen), bench.cdn(seen)];
    for (let i = 0; i < 3; i++) expect(bench.cross(mpit, 'towards-end')).toEqual({ arrived: mpit, effects: [] });
    expect(entriesOf(bench.cross(cdn, 'towards-start').effects).length).toBe(2);
    for (let i = 0; i < 3; i++) expect(bench.cross(cdn, 'towards-start')).toEqual({ arrived: cdn, effects: [] });
    expect(bench.cross(mpit, 'towards-end')).toEqual({ arrived: mpit, effects: [] });
  });

  it('installs for the way that CDN takes, where one DDE was sent on several', () => {
    const bench = new HopBench(elements(1));
    const [{ element }] = bench.elements;
    const other = pathAddress('10.0.7.7:47247');
    const out = { from: bench.startPath, to: other, side: 's' } as const;
    const back = { from: other, to: bench.startPath, side: 'd' } as const;
    const rgi = bench.rgi(bench.arrives(bench.dde, 'towards-end'));
    element.handle(bench.dde, out, bench.now);
    const first = bench.arrives(rgi, 'towards-start');
    const [mpit, cdn] = [bench.mpit(bench.seen(first)), bench.cdn(bench.seen(first))];
    expect(element.handle(mpit, out, bench.now), 'before RGI came that way').toEqual({ forward: mpit, effects: [] });
    expect(entriesOf(bench.cross(cdn, 'towards-start').effects)).toEqual([]);
    expect(element.handle(rgi, back, bench.now).forward, 'H6').toEqual(first);
    element.handle(mpit, out, bench.now);
    expect(entriesOf(element.handle(cdn, back, bench.now).effects)).toMatchObject([
      { start: bench.startPath, end: other },
    ]);
  });

  it('keeps the first authentic action: a second one under the same key changes nothing', () => {
    const bench = new HopBench(elements(1));
    const { seen } = bench.detect();
    bench.arrives(bench.mpit(seen, { order: ORDERS.discard }), 'towards-end');
    bench.arrives(bench.mpit(seen), 'towards-end');
    expect(countersOf(bench.cross(bench.cdn(seen), 'towards-start').effects)).toEqual(['hop-other-action']);
  });

  it('by reference, waits for a certificate that it does not have, and installs when it has come', () => {
    const known = new Map<ReturnType<typeof identity>['caPart']['nodeId'], Uint8Array>();
    const [near, far] = [new BenchElement('N', { known }), ...elements(1)];
    const bench = new HopBench([near, far]);
    const { seen } = bench.detect();
    bench.arrives(bench.mpit(seen), 'towards-end');
    const { effects } = bench.cross(bench.cdn(seen), 'towards-start');
    const ids = [bench.start.caPart.nodeId, bench.end.caPart.nodeId];
    expect(effects.filter(({ kind }) => kind === 'fetch-ca-part')).toEqual(
      ids.map((node) => ({ kind: 'fetch-ca-part', node })),
    );
    expect(entriesOf(effects).length).toBe(1);
    known.set(ids[0], caPartBytes(bench.end));
    known.set(ids[1], caPartBytes(bench.end));
    expect(entriesOf(near.element.signerKnown(bench.now)), 'a certificate of somebody else').toEqual([]);
    known.set(ids[0], caPartBytes(bench.start));
    expect(entriesOf(near.element.signerKnown(bench.now)).length).toBe(1);
    expect(near.element.signerKnown(bench.now)).toEqual([]);
  });

  it('drops MPIT and CDN whose box for it was altered, and takes the genuine one afterwards', () => {
    const bench = new HopBench(elements(2));
    const { seen } = bench.detect();
    const spoil = (bytes: Uint8Array, at: number) => {
      const spoilt = bytes.slice();
      spoilt[boxesAt(bytes) + at] ^= 1;
      return spoilt;
    };
    const [mpit, cdn] = [bench.mpit(seen), bench.cdn(seen)];
    expect(countersOf(bench.cross(spoil(mpit, 50), 'towards-end').effects)).toEqual(['mpit-hop-auth']);
    bench.arrives(mpit, 'towards-end');
    expect(countersOf(bench.cross(spoil(cdn, 50), 'towards-start').effects)).toEqual(['cdn-hop-auth']);
    expect(entriesOf(bench.cross(cdn, 'towards-start').effects).length).toBe(2);
  });

  it('leaves alone what names other indices, other addresses or another element', () => {
    const bench = new HopBench(elements(1));
    const { seen } = bench.detect();
    const mpit = bench.mpit(seen);
    const passage = { from: pathAddress('10.0.0.2:1'), to: bench.endPath, side: 's' } as const;
    const [{ element }] = bench.elements;
    expect(element.handle(mpit, passage, bench.now)).toEqual({ forward: mpit, effects: [] });
    for (const [at, value] of [
      [6, 0x7f],
      [10, 0x7f],
      [boxesAt(mpit), 0x7f],
    ]) {
      const other = mpit.slice();
      other[at] ^= value;
      expect(bench.cross(other, 'towards-end')).toEqual({ arrived: other, effects: [] });
    }
    const cdn = bench.cdn(seen);
    expect(entriesOf(bench.cross(cdn, 'towards-start').effects), 'none of them was taken').toEqual([]);
    bench.arrives(mpit, 'towards-end');
    const astray = { from: pathAddress('10.0.0.2:1'), to: bench.startPath, side: 'd' } as const;
    expect(element.handle(cdn, astray, bench.now)).toEqual({ forward: cdn, effects: [] });
  });

  it('W2: never throws and never answers, whatever passes', () => {
    const bench = new HopBench(elements(1));
    const { rgi, seen } = bench.detect();
    const genuine = [bench.dde, rgi, bench.mpit(seen), bench.cdn(seen)];
    const hostile = fc
      .tuple(
        fc.constantFrom(...genuine),
        fc.array(fc.tuple(fc.nat(1200), fc.integer({ min: 1, max: 255 })), { maxLength: 5 }),
      )
      .map(([base, changes]) => {
        const bytes = base.slice();
        for (const [at, mask] of changes) bytes[at % bytes.length] ^= mask;
        return bytes;
      });
    fc.assert(
      fc.property(fc.oneof(hostile, fc.uint8Array({ maxLength: 1300 })), fc.boolean(), (bytes, out) => {
        const { arrived, effects } = bench.cross(bytes, out ? 'towards-end' : 'towards-start');
        if (arrived !== null) expect(arrived.length).toBeGreaterThanOrEqual(bytes.length);
        expect(arrived === null ? effects.length > 0 : true).toBe(true);
      }),
      { numRuns: 500 },
    );
  });

  it('W1: drops malformed DPRP messages and counts why', () => {
    const bench = new HopBench(elements(1));
    const { rgi, seen } = bench.detect();
    for (const [bytes, name] of [
      [bench.dde, 'dde-length'],
      [rgi, 'rgi-length'],
      [bench.mpit(seen), 'mpit-length'],
      [bench.cdn(seen), 'cdn-length'],
    ] as const) {
      const { arrived, effects } = bench.cross(bytes.subarray(0, bytes.length - 1), 'towards-end');
      expect([arrived, countersOf(effects)]).toEqual([null, [name]]);
    }
    expect(decodeDde(bench.dde)).toBeTypeOf('object');
  });
});
