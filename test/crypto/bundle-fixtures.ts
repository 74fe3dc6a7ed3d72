import { unixSeconds } from '../../src/base/brands.ts';
import type { Bundle, BundleGroup } from '../../src/crypto/bundle.ts';
import { encodeCaPart } from '../../src/crypto/credential.ts';
import { nodeProvider as provider } from '../../src/crypto/node-provider.ts';
import type { Roster } from '../../src/crypto/roster.ts';
import type { RosterChange } from '../../src/crypto/roster-entry.ts';
import { chainOf, edKey, genesis, member, NOW, seedOf } from './fixtures.ts';

/** No time at all. */
export const never = unixSeconds(0);
/** An entry that adds the node of a seed. */
export const add = (name: string, last: number): RosterChange => ({ kind: 'add', member: member(name, last) });
/** A chain of four entries: GENESIS, two members, another name. */
export const roster = chainOf([
  [genesis(['admin']), ['admin']],
  [add('node', 1), ['admin']],
  [add('peer', 2), ['admin']],
  [{ kind: 'rename', name: 'office two' }, ['admin']],
]);

/** A version of the group key that stands for the roster up to `seq`. */
export function version(v: number, seq: number, of: Roster = roster) {
  const point = { rosterSeq: seq, rosterHead: of.heads[seq] };
  const secrets = { rn1: seedOf('rn1'), rn2: seedOf(`rn2 ${v}`) };
  return { v, r: 0, ...secrets, activateAt: NOW, notAfter: never, reason: 'schedule', ...point } as const;
}

/** The one group of `bundle`. */
export function group(given: Partial<BundleGroup> = {}): BundleGroup {
  const { groupId, entries } = roster;
  return { groupId, retain: 'migrate', chain: entries, versions: [version(1, 2), version(2, 3)], ...given };
}

/** What an authority might write for "node". */
export function bundle(given: Partial<Bundle> = {}): Bundle {
  const caPart = encodeCaPart(
    provider,
    {
      ...{ type: 1, mode: 0, edPk: edKey('node').publicKey, vip6: undefined, vip4: Uint8Array.of(100, 64, 0, 1) },
      ...{
        notBefore: NOW,
        notAfter: unixSeconds(NOW + 1000),
        serial: new Uint8Array(8),
        routes: [],
        moreRoutes: false,
      },
    },
    seedOf('ca'),
  );
  return {
    number: 7,
    issuedAt: NOW,
    network: 'lab',
    admin: edKey('admin').publicKey,
    ca: edKey('ca').publicKey,
    node: { name: 'alice', edSeed: seedOf('node'), caPart },
    pool: [{ family: 4, address: member('x', 0).vips[0], length: 24 }],
    domain: [{ v: 3, rn2: seedOf('domain rn2'), activateAt: never }],
    groups: [group()],
    peers: [{ nodeId: member('peer', 2).nodeId, name: 'bob', type: 'gen', mode: 'cl' }],
    ...given,
  };
}
