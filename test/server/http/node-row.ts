import { type GroupId, unixSeconds } from '../../../src/base/brands.ts';
import { utf8 } from '../../../src/base/bytes.ts';
import { nodeIdOf } from '../../../src/crypto/credential.ts';
import { nobleProvider } from '../../../src/crypto/noble-provider.ts';
import type { NodeRow } from '../../../src/server/network/state.ts';
import { NOW } from './ground.ts';

let host = 0;

/** A node that waits for an administrator. */
export function nodeRow(name: string, groups: readonly GroupId[]): NodeRow {
  host += 1;
  const { publicKey } = nobleProvider.ed25519KeyPair(nobleProvider.sha256(utf8(name)));
  return {
    id: nodeIdOf(nobleProvider, publicKey),
    name,
    user: 'alice',
    type: 'ges',
    mode: 'op',
    standing: 'pending',
    edPublic: publicKey,
    caPart: new Uint8Array(200),
    certificateEnds: unixSeconds(NOW + 86_400),
    ipv4: Uint8Array.of(100, 64, 0, host),
    ipv6: Uint8Array.of(0xfd, ...new Uint8Array(14), host),
    routes: [],
    groups,
    ephemeral: false,
    endsAt: undefined,
    token: '',
    number: 0,
    addedAt: NOW,
    lastSeen: NOW,
    removedAt: undefined,
  };
}
