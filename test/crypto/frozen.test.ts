import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { groupId } from '../../src/base/brands.ts';
import { toHex, utf8 } from '../../src/base/bytes.ts';
import { ACTION, DATAGRAM, MODE, NODE_TYPE, RECORD } from '../../src/base/datagram-kinds.ts';
import { PREFIX_SIZE } from '../../src/crypto/address-prefix.ts';
import { CREDENTIAL_SIZE, KEY_PART_MAX_LIFE } from '../../src/crypto/credential.ts';
import { deriveGroupKeys } from '../../src/crypto/group-key.ts';
import { KEY_TIMES } from '../../src/crypto/key-states.ts';
import { CRYPTO_LABEL, GROUP_KEY_LABEL } from '../../src/crypto/labels.ts';
import { nodeProvider } from '../../src/crypto/node-provider.ts';
import { ADD_CHECKS, REMOVE_REASON, ROSTER_KIND, ROSTER_OPTION } from '../../src/crypto/roster-entry.ts';
import { seedOf } from './fixtures.ts';
import { FROZEN_RUNS } from './frozen-runs.ts';
import { PROVIDERS } from './providers.ts';

describe.each(Object.entries(FROZEN_RUNS))('the frozen vectors of %s', (name, run) => {
  const frozen: unknown = JSON.parse(readFileSync(new URL(`../vectors/${name}.json`, import.meta.url), 'utf8'));
  it.each(PROVIDERS)('hold with %s', (_, provider) => {
    expect(run(provider)).toEqual(frozen);
  });
});

describe('a group key', () => {
  const parts = {
    groupId: groupId('00'.repeat(16)),
    name: 'office',
    r: 1,
    v: 2,
    rn1: seedOf('rn1'),
    rn2: seedOf('rn2'),
  };
  const tag = (given: Partial<typeof parts>) => toHex(deriveGroupKeys(nodeProvider, { ...parts, ...given }).kTag);

  it('depends on both parts, the group, its name, r and v, and gives seven different children', () => {
    const tags = [
      tag({}),
      tag({ groupId: groupId('01'.repeat(16)) }),
      tag({ name: 'offices' }),
      tag({ r: 2 }),
      tag({ v: 3 }),
      tag({ rn1: seedOf('another') }),
      tag({ rn2: seedOf('another') }),
      ...Object.values(deriveGroupKeys(nodeProvider, parts)).map(toHex),
    ];
    expect(new Set(tags).size).toBe(tags.length - 1);
  });

  it('of the domain group is refused for traffic', () => {
    expect(() => tag({ rn1: new Uint8Array(32) })).toThrow('no traffic group');
  });

  it.each([31, 33])('needs parts of 32 bytes, not %d', (length) => {
    expect(() => tag({ rn1: new Uint8Array(length).fill(1) })).toThrow(RangeError);
    expect(() => tag({ rn2: new Uint8Array(length) })).toThrow(RangeError);
  });
});

describe('the constants of the protocol', () => {
  it('do not share a label', () => {
    const labels = [...Object.values(CRYPTO_LABEL), ...Object.values(GROUP_KEY_LABEL)];
    expect(new Set(labels).size).toBe(labels.length);
  });

  it('are those of gscip1: a change is a new protocol version (protocol.md 17.4)', () => {
    const { grace, removalCap, chain, fetchEvery } = KEY_TIMES;
    const tables = {
      ...{ DATAGRAM, RECORD, NODE_TYPE, MODE, ACTION, CRYPTO_LABEL, GROUP_KEY_LABEL, CREDENTIAL_SIZE, PREFIX_SIZE },
      ...{
        KEY_PART_MAX_LIFE,
        grace,
        removalCap,
        chain,
        fetchEvery,
        ROSTER_KIND,
        ROSTER_OPTION,
        REMOVE_REASON,
        ADD_CHECKS,
      },
    };
    const pinned = 'bb93a76185153722615f3237953f317fba6327436f49438e5866be23e73aa0ea';
    expect(toHex(nodeProvider.sha256(utf8(JSON.stringify(tables))))).toBe(pinned);
  });
});
