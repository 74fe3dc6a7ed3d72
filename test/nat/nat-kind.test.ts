import { describe, expect, it } from 'vitest';
import { pathAddress } from '../../src/base/path-address.ts';
import {
  canMeet,
  NAT_RULES,
  type NatKind,
  type NatRule,
  natByte,
  natKindOf,
  natOfByte,
} from '../../src/nat/nat-kind.ts';

const LOCAL = pathAddress('192.168.1.10:47247');
const FIRST = pathAddress('198.51.100.1:47247');
const OTHER_PORT = pathAddress('198.51.100.1:47248');
const OTHER_ADDRESS = pathAddress('198.51.100.2:47247');

const outer = (port: number) => pathAddress(`203.0.113.5:${port}`);

function kind(
  seen: readonly (readonly [typeof LOCAL, typeof LOCAL])[],
  fromOtherPort?: boolean,
  fromOtherAddress?: boolean,
) {
  const { mapping, filtering } = natKindOf({
    local: [LOCAL],
    seen: new Map(seen),
    fromOtherPort,
    fromOtherAddress,
    hairpin: undefined,
  });
  return `${mapping}/${filtering}`;
}

describe('the kind of NAT', () => {
  it.each([
    ['nothing seen', kind([]), 'unknown/unknown'],
    ['one vantage point tells nothing', kind([[FIRST, outer(1)]]), 'unknown/unknown'],
    [
      'none',
      kind(
        [
          [FIRST, LOCAL],
          [OTHER_ADDRESS, LOCAL],
        ],
        true,
        true,
      ),
      'none/none',
    ],
    [
      'no NAT, but a filter',
      kind(
        [
          [FIRST, LOCAL],
          [OTHER_ADDRESS, LOCAL],
        ],
        false,
        false,
      ),
      'none/port',
    ],
    [
      'full cone',
      kind(
        [
          [FIRST, outer(1)],
          [OTHER_ADDRESS, outer(1)],
        ],
        true,
        true,
      ),
      'endpoint/endpoint',
    ],
    [
      'address-restricted',
      kind(
        [
          [FIRST, outer(1)],
          [OTHER_ADDRESS, outer(1)],
        ],
        true,
        false,
      ),
      'endpoint/address',
    ],
    [
      'port-restricted',
      kind(
        [
          [FIRST, outer(1)],
          [OTHER_ADDRESS, outer(1)],
        ],
        false,
        false,
      ),
      'endpoint/port',
    ],
    [
      'by address',
      kind(
        [
          [FIRST, outer(1)],
          [OTHER_PORT, outer(1)],
          [OTHER_ADDRESS, outer(2)],
        ],
        false,
        false,
      ),
      'address/port',
    ],
    [
      'symmetric',
      kind(
        [
          [FIRST, outer(1)],
          [OTHER_PORT, outer(2)],
          [OTHER_ADDRESS, outer(3)],
        ],
        false,
        false,
      ),
      'port/port',
    ],
    [
      'two ports of one coordinator',
      kind([
        [FIRST, outer(1)],
        [OTHER_PORT, outer(1)],
      ]),
      'endpoint/unknown',
    ],
  ])('%s', (_name, found, wanted) => {
    expect(found).toBe(wanted);
  });

  it('travels in one byte', () => {
    for (const mapping of NAT_RULES)
      for (const filtering of NAT_RULES) {
        const nat: NatKind = { mapping, filtering, hairpin: undefined };
        expect(natOfByte(natByte(nat))).toEqual(nat);
      }
    expect(natOfByte(0x50)).toBeUndefined();
    expect(natOfByte(0x0f)).toBeUndefined();
  });

  it.each<[NatRule, NatRule, NatRule, NatRule, boolean]>([
    ['none', 'none', 'port', 'port', true],
    ['endpoint', 'address', 'port', 'port', true],
    ['endpoint', 'port', 'port', 'port', false],
    ['endpoint', 'port', 'endpoint', 'port', true],
    ['port', 'port', 'port', 'port', false],
    ['address', 'address', 'port', 'port', false],
    ['unknown', 'unknown', 'unknown', 'unknown', true],
  ])('%s/%s and %s/%s can meet: %s', (mapping, filtering, otherMapping, otherFiltering, wanted) => {
    const a = { mapping, filtering, hairpin: undefined };
    const b = { mapping: otherMapping, filtering: otherFiltering, hairpin: undefined };
    expect(canMeet(a, b)).toBe(wanted);
    expect(canMeet(b, a)).toBe(wanted);
  });
});
