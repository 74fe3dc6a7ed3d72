import { describe, expect, it } from 'vitest';
import { unixSeconds } from '../../src/base/brands.ts';
import { type Bundle, type BundleGroup, encodeBundle } from '../../src/crypto/bundle.ts';
import { type BundleTrust, type HeldRoster, openBundle, type VerifiedBundle } from '../../src/crypto/bundle-verify.ts';
import { nodeProvider as provider } from '../../src/crypto/node-provider.ts';
import type { CryptoProvider } from '../../src/crypto/provider.ts';
import { extendRoster, type Roster, signChange, verifyRoster } from '../../src/crypto/roster.ts';
import { add, bundle, group, roster, version } from './bundle-fixtures.ts';
import { edKey, NOW, ok, seedOf } from './fixtures.ts';

const admin = [seedOf('admin')];
const fifth = signChange(provider, roster, add('third', 3), admin);
const longer = ok<Roster>(extendRoster(provider, roster, [fifth]));
const sixth = signChange(provider, longer, add('fourth', 4), admin);
const other = signChange(provider, roster, add('fork', 5), admin);
const ownKey = edKey('node').publicKey;

/** What a node holds that took bundle 7 with four entries, and learnt of more from peers. */
function trust(learned: readonly Uint8Array[] = []): BundleTrust {
  const held: HeldRoster = { roster: ok<Roster>(extendRoster(provider, roster, learned)), bundled: 4 };
  return { pin: edKey('admin').publicKey, number: 7, edPublic: ownKey, held: new Map([[roster.groupId, held]]) };
}

/** Bundle 8, which builds on 7. */
function news(groups: readonly BundleGroup[], given: Partial<Bundle> = {}): Uint8Array {
  const node = { ...bundle().node, edSeed: new Uint8Array(0) };
  const said = { number: 8, base: 7, node, domain: [], peers: [], groups, ...given };
  return encodeBundle(provider, bundle(said), seedOf('admin'));
}

/** Bundle 8 as a whole. */
function wholeOf(groups: readonly BundleGroup[]): Uint8Array {
  const node = { ...bundle().node, edSeed: new Uint8Array(0) };
  return encodeBundle(provider, bundle({ number: 8, node, groups }), seedOf('admin'));
}

const open = (file: Uint8Array, by = trust(), at = NOW) => openBundle(provider, file, at, by);
const fifthOnly = group({ from: 4, chain: [fifth], versions: [version(3, 4, longer)] });

/** A provider that counts the signatures which it checks. */
function counting() {
  const count = { checked: 0 };
  const ed25519Verify: CryptoProvider['ed25519Verify'] = (key, message, signature) => {
    count.checked++;
    return provider.ed25519Verify(key, message, signature);
  };
  return { count, provider: { ...provider, ed25519Verify } };
}

describe('a bundle that builds on another one', () => {
  it('extends the roster that is held, and checks the signatures of the new entries only', () => {
    const { count, provider: watched } = counting();
    const opened = ok<VerifiedBundle>(openBundle(watched, news([fifthOnly]), NOW, trust()));
    expect(count.checked).toBe(3); // bundle, certificate, one entry
    expect(opened.groups.map(({ roster: { head }, bundled, versions }) => [head, bundled, versions.length])).toEqual([
      [longer.head, 5, 1],
    ]);
  });

  it('checks a whole chain no further than it was held', () => {
    const { count, provider: watched } = counting();
    const whole = wholeOf([group({ chain: longer.entries })]);
    expect(typeof openBundle(watched, whole, NOW, trust())).toBe('object');
    expect(count.checked).toBe(3);
  });

  it.each([
    ['a version alone', group({ from: 4, chain: [], versions: [version(3, 3)] }), 4, 3],
    ['nothing new', group({ chain: [], versions: [] }), 4, 3],
    ['what is held once more, and one entry', group({ from: 2, chain: longer.entries.slice(2), versions: [] }), 5, 4],
    ['the whole chain', group({ chain: longer.entries, versions: [] }), 5, 4],
  ])('may bring %s', (_what, given, bundled, seq) => {
    const [{ roster: now, bundled: count }] = ok<VerifiedBundle>(open(news([given]))).groups;
    expect([count, now.seq]).toEqual([bundled, seq]);
  });

  it('agrees with a REMOVE or ADD that a peer had told of before, whether it holds it yet or not', () => {
    const learned = trust([fifth]);
    const with5 = ok<VerifiedBundle>(open(news([fifthOnly]), learned)).groups[0];
    expect([with5.bundled, with5.roster.seq]).toEqual([5, 4]);
    const without5 = ok<VerifiedBundle>(open(news([group({ from: 4, chain: [], versions: [] })]), learned)).groups[0];
    expect([without5.bundled, without5.roster.seq]).toEqual([4, 4]);
  });

  it('brings a group that is new to the node with its whole chain', () => {
    const opened = ok<VerifiedBundle>(open(news([group()]), { ...trust(), held: new Map() }));
    expect(opened.groups[0].roster.head).toEqual(roster.head);
  });

  it.each([
    ['bundle-base', news([fifthOnly], { base: 6 }), trust()],
    ['bundle-base', news([fifthOnly]), { edPublic: ownKey }],
    ['bundle-rolled-back', news([fifthOnly], { number: 6, base: 6 }), trust()],
    ['bundle-roster-hole', news([group({ from: 5, chain: [sixth], versions: [] })]), trust()],
    ['bundle-roster-hole', news([group({ from: 1, chain: roster.entries.slice(1) })]), { ...trust(), held: new Map() }],
    ['bundle-roster-rolled-back', news([group({ from: 2, chain: roster.entries.slice(2, 3), versions: [] })]), trust()],
    ['bundle-roster-rolled-back', news([group({ from: 3, chain: [], versions: [] })]), trust()],
    ['bundle-roster-not-an-extension', news([group({ from: 4, chain: [other], versions: [] })]), trust([fifth])],
    ['bundle-roster-previous', news([group({ from: 4, chain: [other, sixth], versions: [] })]), trust()],
    ['bundle-roster-signature', news([group({ from: 4, chain: [altered(fifth)], versions: [] })]), trust()],
    ['bundle-version-roster', news([{ ...fifthOnly, versions: [version(3, 3, longer), version(4, 2)] }]), trust()],
    ['bundle-no-version', news([group({ versions: [] })]), { ...trust(), held: new Map() }],
    ['bundle-no-domain', encodeBundle(provider, bundle({ domain: [] }), seedOf('admin')), trust()],
    ['bundle-node-key', news([fifthOnly]), { ...trust(), edPublic: edKey('peer').publicKey }],
    ['bundle-node-key', wholeOf([group()]), {}],
  ] as const)('is refused as %s, row %#', (fault, file, by) => {
    expect(open(file, by)).toBe(fault);
  });

  it('leaves a node that refuses it free to take a whole one', () => {
    const whole = wholeOf([group({ chain: longer.entries })]);
    expect(open(news([group({ from: 5, chain: [sixth], versions: [] })]))).toBe('bundle-roster-hole');
    expect(typeof open(whole)).toBe('object');
  });

  it('has fork and rollback of a whole chain told by whoever keeps the roster, so that other groups are taken', () => {
    const forked = ok<Roster>(verifyRoster(provider, [...roster.entries, other]));
    const whole = wholeOf([group({ chain: forked.entries })]);
    const opened = ok<VerifiedBundle>(open(whole, trust([fifth]), unixSeconds(NOW + 1)));
    expect(opened.groups[0].roster.head).toEqual(forked.head);
  });
});

/** An entry with the last byte of its signature changed. */
function altered(entry: Uint8Array): Uint8Array {
  const bytes = entry.slice();
  bytes[bytes.length - 1] ^= 1;
  return bytes;
}
