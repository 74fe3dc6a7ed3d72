import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cborMap, encodeCbor } from '../../../src/base/cbor.ts';
import { removeNode } from '../../../src/server/authority/node-rules.ts';
import { decodeState, encodeState } from '../../../src/server/authority/state-codec.ts';
import { network, toolsAt, withNode } from './ground.ts';

const routed = withNode(network(), { name: 'gate', type: 'gen', mode: 'cl', routes: ['10.1.0.0/16', 'fd01::/48'] });
const state = removeNode(toolsAt(100), routed, 'bob');
const file = encodeState(state);

describe('the file of an authority', () => {
  it('says all that it was made from', () => {
    expect(decodeState(file)).toEqual(state);
  });

  it('of a newer GSCIP is told from a damaged one', () => {
    expect(decodeState(encodeCbor(cborMap({ schema: 2 })))).toBe('schema');
    expect(decodeState(file.subarray(0, -1))).toBe('damaged');
    expect(decodeState(new Uint8Array(0))).toBe('damaged');
  });

  it('never makes the reader throw, whatever byte is changed', () => {
    fc.assert(
      fc.property(fc.nat(file.length - 1), fc.integer({ min: 1, max: 255 }), (at, change) => {
        const changed = file.slice();
        changed[at] = (changed[at] ?? 0) ^ change;
        const read = decodeState(changed);
        expect(typeof read === 'string' || typeof read === 'object').toBe(true);
      }),
      { numRuns: 500 },
    );
  });
});
