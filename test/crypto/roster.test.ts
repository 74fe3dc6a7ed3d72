import { describe, expect, it } from 'vitest';
import { toHex } from '../../src/base/bytes.ts';
import { encodeCbor } from '../../src/base/cbor.ts';
import { nobleProvider } from '../../src/crypto/noble-provider.ts';
import { nodeProvider as provider } from '../../src/crypto/node-provider.ts';
import {
  acceptChain,
  extendRoster,
  forkProof,
  lastRemoveAt,
  nameAt,
  signChange,
  verifyRoster,
} from '../../src/crypto/roster.ts';
import { encodeEntry, ROSTER_OPTION, type RosterChange } from '../../src/crypto/roster-entry.ts';
import { chainOf, edKey, genesis, member, ok, seedOf, vip4 } from './fixtures.ts';

const add = (name: string, last: number): RosterChange => ({ kind: 'add', member: member(name, last) });
const remove = (name: string): RosterChange => ({ kind: 'remove', nodeId: member(name, 0).nodeId, reason: 0 });

const base = chainOf([
  [genesis(['admin']), ['admin']],
  [add('a', 1), ['admin']],
  [add('b', 2), ['admin']],
]);

describe('a roster', () => {
  it('is named by the hash of its GENESIS', () => {
    expect(base.groupId).toBe(toHex(base.heads[0].subarray(0, 16)));
  });

  it('lists the members with their addresses and says whose an address is', () => {
    expect([...base.members.keys()]).toEqual([member('a', 1).nodeId, member('b', 2).nodeId]);
    expect(base.covers(vip4(2))).toBe(member('b', 2).nodeId);
    expect(base.covers(vip4(9))).toBeUndefined();
  });

  it('knows the name and the last removal at each of its places, however it came there', () => {
    const whole = chainOf([
      [genesis(['admin']), ['admin']],
      [add('a', 1), ['admin']],
      [{ kind: 'rename', name: 'second' }, ['admin']],
      [remove('a'), ['admin']],
      [add('b', 2), ['admin']],
      [{ kind: 'rename', name: 'third' }, ['admin']],
    ]);
    for (const cut of [1, 2, 3, 4, 5, 6]) {
      const first = ok(verifyRoster(provider, whole.entries.slice(0, cut)));
      const grown = ok(extendRoster(provider, first, whole.entries.slice(cut)));
      const places = grown.entries.map((_, seq) => [nameAt(grown, seq), lastRemoveAt(grown, seq)]);
      const { name } = base;
      expect(places).toEqual([
        [name, 0],
        [name, 0],
        ['second', 0],
        ['second', 3],
        ['second', 3],
        ['third', 3],
      ]);
    }
  });

  it('is the same for both providers', () => {
    const other = ok(verifyRoster(nobleProvider, base.entries));
    expect([other.groupId, other.seq, other.head]).toEqual([base.groupId, base.seq, base.head]);
  });

  it('of an open group ratchets r at each newcomer and not at a change of address', () => {
    const open = chainOf([
      [genesis(['admin'], 1, 0), ['admin']],
      [add('a', 1), ['admin']],
      [add('b', 2), ['admin']],
      [add('b', 3), ['admin']],
      [remove('b'), ['admin']],
      [{ kind: 'rn1', r: 3, commitment: seedOf('rn1') }, ['admin']],
    ]);
    expect([open.r, open.rn1Commitment]).toEqual([3, seedOf('rn1')]);
    expect(open.covers(vip4(2))).toBeUndefined();
  });

  it('accepts a checkpoint that states just what the chain says', () => {
    const { r, name, admins, k } = base;
    const checkpoint: RosterChange = { kind: 'checkpoint', r, name, admins, k, members: [...base.members.values()] };
    const rows: readonly (readonly [RosterChange, string])[] = [
      [checkpoint, 'ok'],
      [{ ...checkpoint, r: 1 }, 'checkpoint-differs'],
      [{ ...checkpoint, members: [] }, 'checkpoint-differs'],
    ];
    for (const [change, expected] of rows) {
      const result = extendRoster(provider, base, [signChange(provider, base, change, [seedOf('admin')])]);
      expect(typeof result === 'string' ? result : 'ok').toBe(expected);
    }
  });
});

describe('an address with several claims', () => {
  const route = (...[length, ...bytes]: number[]) => {
    const address = new Uint8Array(16);
    address.set(bytes, 12);
    return { family: 4, length, address } as const;
  };
  const roster = chainOf([
    [genesis(['admin']), ['admin']],
    [{ kind: 'add', member: member('wide', 1, [route(8, 10, 0, 0, 0), route(10, 100, 64, 0, 0)]) }, ['admin']],
    [{ kind: 'add', member: member('narrow', 2, [route(24, 10, 1, 2, 0)]) }, ['admin']],
    [{ kind: 'add', member: member('twin', 3, [route(24, 10, 1, 2, 0)]) }, ['admin']],
  ]);
  const names = ['wide', 'narrow', 'twin'] as const;
  const ip = (...bytes: number[]) => route(32, ...bytes).address;

  it.each([
    ['10.9.9.9', ip(10, 9, 9, 9), ['wide']],
    ['10.1.2.3', ip(10, 1, 2, 3), ['narrow', 'twin']],
    ['another member’s vip inside a wide route', vip4(2), ['narrow']],
    ['a free address inside a wide route', vip4(99), ['wide']],
    ['11.0.0.1', ip(11, 0, 0, 1), []],
  ])('%s goes to the most specific', (_, address, expected) => {
    expect(names.filter((name) => roster.memberCovers(member(name, 0).nodeId, address))).toEqual(expected);
  });
});

describe('a chain is refused', () => {
  const next = (change: RosterChange, ...signers: string[]) => signChange(provider, base, change, signers.map(seedOf));
  const twoOfThree = chainOf([[genesis(['x', 'y', 'z'], 2), ['x', 'y']]]);
  const inviting = chainOf([
    [genesis(['admin'], 1, ROSTER_OPTION.anyMemberInvites), ['admin']],
    [add('a', 1), ['admin']],
  ]);
  const by = (roster: typeof base, change: RosterChange, ...signers: string[]) =>
    extendRoster(provider, roster, [signChange(provider, roster, change, signers.map(seedOf))]);
  const tampered = next(add('c', 3), 'admin');
  tampered[tampered.length - 1] ^= 1;
  const place = { seq: base.seq + 1, prev: base.heads[0], change: add('c', 3) };
  const stray = encodeEntry(provider, base.groupId, place, [seedOf('admin')]);

  it.each([
    ['when the signer is no admin', by(base, add('c', 3), 'a'), 'signer'],
    ['when nobody signed', by(base, add('c', 3)), 'too-few-signatures'],
    ['when one signer counts twice', by(twoOfThree, add('a', 1), 'x', 'x'), 'signer'],
    ['with one signature of two', by(twoOfThree, add('a', 1), 'x'), 'too-few-signatures'],
    ['when a signature is broken', extendRoster(provider, base, [tampered]), 'signature'],
    ['when a member removes in a group where members invite', by(inviting, remove('a'), 'a'), 'signer'],
    ['when a member restates addresses', by(inviting, add('a', 9), 'a'), 'signer'],
    ['when the vip is taken', by(base, add('c', 1), 'admin'), 'address-taken'],
    ['when the removed is no member', by(base, remove('c'), 'admin'), 'unknown-member'],
    [
      'when the node id is not the key’s',
      by(base, { kind: 'add', member: { ...member('c', 3), edPk: edKey('d').publicKey } }, 'admin'),
      'node-id',
    ],
    [
      'when the last admin goes',
      by(base, { kind: 'admin-remove', edPk: edKey('admin').publicKey, k: 1 }, 'admin'),
      'threshold',
    ],
    [
      'when k exceeds the admins',
      by(base, { kind: 'admin-add', edPk: edKey('x').publicKey, k: 3 }, 'admin'),
      'threshold',
    ],
    [
      'when an admin’s key is of small order',
      by(base, { kind: 'admin-add', edPk: new Uint8Array(32), k: 1 }, 'admin'),
      'admin-key',
    ],
    [
      'when a managed group states an RN1',
      by(base, { kind: 'rn1', r: 1, commitment: seedOf('rn1') }, 'admin'),
      'epoch',
    ],
    ['with a second GENESIS', by(base, genesis(['admin']), 'admin'), 'second-genesis'],
    ['without GENESIS', verifyRoster(provider, [base.entries[1]]), 'sequence'],
    ['without any entry', verifyRoster(provider, []), 'empty-chain'],
    ['with a gap', verifyRoster(provider, [base.entries[0], base.entries[2]]), 'sequence'],
    ['when an entry follows another than the last', extendRoster(provider, base, [stray]), 'previous'],
    ['as another group', verifyRoster(provider, base.entries, twoOfThree.groupId), 'other-group'],
    ['when an entry is not CBOR', extendRoster(provider, base, [Uint8Array.of(0xff)]), 'entry-encoding'],
    [
      'when an entry has a third part',
      extendRoster(provider, base, [encodeCbor([new Uint8Array(1), [], 0])]),
      'entry-shape',
    ],
  ])('%s', (_, result, fault) => {
    expect(result).toBe(fault);
  });

  it('not when a member invites where GENESIS allows it', () => {
    expect(typeof by(inviting, add('b', 2), 'a')).toBe('object');
  });

  it('not when two of three admins sign', () => {
    expect(typeof by(twoOfThree, add('a', 1), 'z', 'x')).toBe('object');
  });
});

describe('a presented chain', () => {
  const longer = ok(extendRoster(provider, base, [signChange(provider, base, add('c', 3), [seedOf('admin')])]));
  const other = chainOf([
    [genesis(['admin']), ['admin']],
    [add('a', 1), ['admin']],
    [add('x', 2), ['admin']],
    [add('y', 3), ['admin']],
  ]);

  it('replaces the held one only as a verified extension', () => {
    expect(ok(acceptChain(provider, base, longer.entries)).head).toEqual(longer.head);
    expect(acceptChain(provider, longer, base.entries)).toBe('rolled-back');
    expect(acceptChain(provider, base, other.entries)).toBe('not-an-extension');
    expect(acceptChain(provider, base, base.entries)).toBe(base);
  });

  it('R6: proves a fork only with two entries that the admins signed for one place', () => {
    const proof = forkProof(provider, base, other.entries[2]);
    expect(proof).toEqual({ groupId: base.groupId, seq: 2, entries: [base.entries[2], other.entries[2]] });
    expect(forkProof(provider, base, base.entries[2])).toBeUndefined();
    expect(forkProof(provider, base, other.entries[3])).toBeUndefined();
    const before = chainOf([
      [genesis(['admin']), ['admin']],
      [add('a', 1), ['admin']],
    ]);
    expect(before.groupId).toBe(base.groupId);
    expect(forkProof(provider, base, signChange(provider, before, add('x', 7), [seedOf('a')]))).toBeUndefined();
  });
});
