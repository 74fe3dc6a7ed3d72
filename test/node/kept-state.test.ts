import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { pathAddress } from '../../src/base/path-address.ts';
import { parseKept } from '../../src/node/kept-state.ts';
import type { KeptState } from '../../src/node/state-dir.ts';

const [ID, KEY] = ['0'.repeat(32), 'a'.repeat(64)];
const KEPT: KeptState = {
  admin: KEY,
  node: ID,
  bundleNumber: 7,
  keys: {
    groups: { [ID]: { highestCurrent: 3, removalFloor: 1 } },
    rosters: { [ID]: { seq: 2, head: KEY, learned: ['00ff'] } },
    leaseClock: 1_700_000_000,
  },
  paths: { [ID]: pathAddress('[2001:db8::1]:47247') },
};

describe('the file of kept state', () => {
  it('is read as it was written', () => expect(parseKept(JSON.stringify(KEPT))).toEqual(KEPT));

  it.each<[string, object]>([
    ['no authority', { admin: undefined }],
    ['half an authority', { admin: KEY.slice(1) }],
    ['no node', { node: undefined }],
    ['a number below zero', { bundleNumber: -1 }],
    ['no keys', { keys: null }],
    ['a version as text', { keys: { ...KEPT.keys, groups: { [ID]: { highestCurrent: '3', removalFloor: 0 } } } }],
    ['a group of no id', { keys: { ...KEPT.keys, groups: { office: { highestCurrent: 3, removalFloor: 0 } } } }],
    ['a path to nowhere', { paths: { [ID]: 'somewhere' } }],
    ['paths as a list', { paths: null }],
  ])('is damaged with %s', (_, change) => {
    expect(parseKept(JSON.stringify({ ...KEPT, ...change }))).toBeUndefined();
  });

  it('never throws, whatever is in it', () => {
    fc.assert(fc.property(fc.oneof(fc.string(), fc.json()), (text) => void parseKept(text)));
  });

  it('is damaged when it is cut anywhere', () => {
    const text = JSON.stringify(KEPT);
    for (let at = 0; at < text.length; at++) expect(parseKept(text.slice(0, at))).toBeUndefined();
  });
});
