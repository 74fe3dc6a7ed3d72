import { describe, expect, it } from 'vitest';
import { fingerprint, isClosed, threats } from '../../../src/node/lock/lock-listing.ts';

const chain = (hook: string, more: object = {}) => ({
  chain: { family: 'inet', table: 'own', name: hook, hook, prio: -310, policy: 'drop', handle: 3, ...more },
});
const CHAINS = ['input', 'output', 'forward'].map((hook) => chain(hook));
const table = (more: object = {}) => ({ table: { family: 'inet', name: 'own', handle: 1, ...more } });
const rule = (packets: number) => ({
  rule: {
    family: 'inet',
    table: 'own',
    chain: 'input',
    handle: 9,
    expr: [{ counter: { packets, bytes: 40 * packets } }, { drop: null }],
  },
});

describe('a listing of nftables', () => {
  it.each<[string, readonly unknown[], boolean]>([
    ['what has been counted', [table(), rule(7)], true],
    ['another number of a rule', [{ table: { family: 'inet', name: 'own', handle: 4 } }, rule(0)], true],
    ['what nft says of itself', [{ metainfo: { version: '1' } }, table(), rule(0)], true],
    ['a rule that is gone', [table()], false],
    ['a table that was put to sleep', [table({ flags: ['dormant'] }), rule(0)], false],
  ])('%s makes it the same: %s', (_, listing, same) => {
    expect(fingerprint(listing) === fingerprint([table(), rule(0)])).toBe(same);
  });

  it('is the same whatever is remembered for seconds, and another when a fixed set changes', () => {
    const set = (more: object) => [{ set: { family: 'inet', table: 'own', name: 's', ...more } }];
    expect(fingerprint(set({ timeout: 10, elem: ['a'] }))).toBe(fingerprint(set({ timeout: 10, elem: [] })));
    expect(fingerprint(set({ elem: ['a'] }))).not.toBe(fingerprint(set({})));
  });

  it.each<[string, readonly unknown[], boolean]>([
    ['three chains that drop', [table(), ...CHAINS], true],
    ['one that is missing', [table(), ...CHAINS.slice(1)], false],
    ['one that lets pass', [table(), ...CHAINS.slice(1), chain('input', { policy: 'accept' })], false],
    ['a table that sleeps', [table({ flags: 'dormant' }), ...CHAINS], false],
  ])('with %s is closed: %s', (_, listing, closed) => expect(isClosed(listing)).toBe(closed));

  const foreign = (hook: string, prio: number, expr: readonly object[]) => [
    { chain: { family: 'inet', table: 'other', name: 'c', hook, prio } },
    { rule: { family: 'inet', table: 'other', chain: 'c', expr } },
  ];
  const marking = [{ mangle: { key: { meta: { key: 'mark' } }, value: 0x3047 } }];
  it.each<[string, readonly unknown[], number]>([
    ['a flowtable', [{ flowtable: { family: 'inet', table: 'fw4', name: 'ft' } }], 1],
    ['an early chain that gives our mark', foreign('output', -400, marking), 1],
    ['a late chain that gives our mark', foreign('output', -150, marking), 0],
    [
      'an early chain that gives another mark',
      foreign('output', -400, [{ mangle: { key: { meta: { key: 'mark' } }, value: 7 } }]),
      0,
    ],
    ['an ingress chain that sends on', foreign('ingress', 0, [{ fwd: { dev: 'eth1' } }]), 1],
    ['a chain that drops', foreign('prerouting', -400, [{ drop: null }]), 0],
    ['our own table', [table(), ...CHAINS, rule(0)], 0],
  ])('shows %s as so many threats', (_, ruleset, count) => {
    expect(threats(ruleset, 'inet own', 0x3047)).toHaveLength(count);
  });
});
