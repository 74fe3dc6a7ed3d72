import { unixSeconds } from '../../src/base/brands.ts';
import { toHex, utf8 } from '../../src/base/bytes.ts';
import { encodeCaPart, issuerOf, nodeIdOf } from '../../src/crypto/credential.ts';
import { deriveDomainKeys, deriveGroupKeys, domainGroupId, ratchetRn1 } from '../../src/crypto/group-key.ts';
import { createIdentity, type Identity } from '../../src/crypto/identity.ts';
import type { CryptoProvider } from '../../src/crypto/provider.ts';
import { type Roster, signChange, verifyRoster } from '../../src/crypto/roster.ts';
import type { Member, RosterChange } from '../../src/crypto/roster-entry.ts';

/*
 * Runs from fixed inputs, each value in hex: what they give is committed under test/vectors and never changes within one
 * protocol version. `generate-vectors.ts` wrote those files.
 */

type Values = Readonly<Record<string, string | number>>;
/** Named values of one run. */
export type FrozenRun = (provider: CryptoProvider) => Readonly<Record<string, Values>>;

const seed = (provider: CryptoProvider, name: string) => provider.sha256(utf8(`gscip frozen ${name}`));
const hexOf = (values: Readonly<Record<string, Uint8Array>>): Values =>
  Object.fromEntries(Object.entries(values).map(([name, bytes]) => [name, toHex(bytes)]));

/** Group keys, the RN1 ratchet and the domain group (protocol.md 9.1). */
export const groupKeyRun: FrozenRun = (provider) => {
  const [rn1, rn2] = [seed(provider, 'rn1'), seed(provider, 'rn2')];
  const groupId = domainGroupId(provider, seed(provider, 'any key'));
  const parts = { groupId, r: 1, v: 0x01020304, rn1, rn2 };
  const next = ratchetRn1(provider, rn1, groupId, 2);
  return {
    inputs: { groupId, r: parts.r, v: parts.v, ...hexOf({ rn1, rn2 }) },
    plainName: hexOf({ ...deriveGroupKeys(provider, { ...parts, name: 'office' }) }),
    decomposedName: hexOf({ ...deriveGroupKeys(provider, { ...parts, name: 'Bu\u0308ro' }) }),
    composedName: hexOf({ ...deriveGroupKeys(provider, { ...parts, name: 'B\u00fcro' }) }),
    nextEpoch: hexOf({ rn1: next, ...deriveGroupKeys(provider, { ...parts, name: 'office', r: 2, rn1: next }) }),
    domain: hexOf({ ...deriveDomainKeys(provider, { groupId, v: 5, rn2 }) }),
  };
};

/** Certificate, key part and ids (protocol.md 1.3). */
export const credentialRun: FrozenRun = (provider) => {
  const [ca, node, x] = ['ca', 'node', 'x'].map((name) => seed(provider, name));
  const edPk = provider.ed25519KeyPair(node).publicKey;
  const address = Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 10, 1, 0, 0);
  const caPart = encodeCaPart(
    provider,
    {
      ...{ type: 2, mode: 1, edPk, vip6: seed(provider, 'vip6').slice(0, 16), vip4: Uint8Array.of(100, 64, 0, 7) },
      ...{
        notBefore: unixSeconds(1_767_225_600),
        notAfter: unixSeconds(1_775_001_600),
        serial: Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 9),
      },
      ...{ routes: [{ family: 4, length: 16, address }], moreRoutes: true },
    },
    ca,
  );
  const identity = orThrow<Identity>(createIdentity(provider, node, caPart, x, unixSeconds(1_767_225_600)));
  const caPk = provider.ed25519KeyPair(ca).publicKey;
  return {
    ids: { nodeId: nodeIdOf(provider, edPk), issuer: toHex(issuerOf(provider, caPk)) },
    keys: hexOf({ ca, caPk, node, edPk, x, xPk: identity.xPublic }),
    credential: hexOf({ caPart, credential: identity.credential }),
  };
};

/** A chain with every kind of entry (protocol.md 9.3). */
export const rosterRun: FrozenRun = (provider) => {
  const key = (name: string) => provider.ed25519KeyPair(seed(provider, name)).publicKey;
  const member = (name: string, last: number): Member => {
    const vip = Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 100, 64, 0, last);
    const route = {
      family: 6,
      length: 48,
      address: Uint8Array.of(0xfd, 1, 2, 3, 4, last, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0),
    } as const;
    return { nodeId: nodeIdOf(provider, key(name)), edPk: key(name), vips: [vip], routes: [route], check: 'oob' };
  };
  const nonce = seed(provider, 'nonce').slice(0, 16);
  const admins = [key('admin 1'), key('admin 2')];
  const changes: readonly RosterChange[] = [
    { kind: 'genesis', name: 'office', r: 0, admins: admins.slice(0, 1), k: 1, options: 1, nonce },
    { kind: 'add', member: member('a', 1) },
    { kind: 'add', member: member('b', 2) },
    { kind: 'admin-add', edPk: key('admin 2'), k: 1 },
    { kind: 'remove', nodeId: member('a', 1).nodeId, reason: 3 },
    { kind: 'rn1', r: 3, commitment: seed(provider, 'commitment') },
    { kind: 'rename', name: 'B\u00fcro' },
    { kind: 'checkpoint', r: 3, name: 'B\u00fcro', admins, k: 1, members: [member('b', 2)] },
    { kind: 'admin-remove', edPk: key('admin 2'), k: 1 },
  ];
  let roster: Roster | undefined;
  for (const change of changes) {
    const entry = signChange(provider, roster, change, [seed(provider, 'admin 1')]);
    roster = orThrow<Roster>(verifyRoster(provider, [...(roster?.entries ?? []), entry]));
  }
  const { groupId, entries, heads } = orThrow<Roster>(roster ?? 'empty');
  const rows = entries.map((entry, seq) => [changes[seq].kind + seq, { entry: toHex(entry), head: toHex(heads[seq]) }]);
  return { group: { groupId }, ...Object.fromEntries(rows) };
};

/** The runs by the name of their file. */
export const FROZEN_RUNS: Readonly<Record<string, FrozenRun>> = {
  'group-keys': groupKeyRun,
  credential: credentialRun,
  roster: rosterRun,
};

function orThrow<T>(result: T | string): T {
  if (typeof result === 'string') throw new Error(result);
  return result;
}
