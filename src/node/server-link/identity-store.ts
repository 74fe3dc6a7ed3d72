import { decodeJoinToken, type JoinToken, type JoinTokenFault } from '../../api/join-token.ts';
import { toHex, utf8, wipe } from '../../base/bytes.ts';
import { GscipError } from '../../base/errors.ts';
import type { CryptoProvider } from '../../crypto/provider.ts';
import type { StateDir } from '../state-dir.ts';
import { decodeLinkIdentity, encodeLinkIdentity, type LinkIdentity } from './link-memory.ts';
import type { Sealer } from './sealer.ts';

interface Tools {
  readonly provider: CryptoProvider;
  random(length: number): Uint8Array;
}

/** The identity that a start goes on with, and the token that is still to be used. */
export interface OpenedIdentity {
  readonly identity: LinkIdentity;
  readonly token: JoinToken | undefined;
}

/** Whether this folder belongs to a node that lives by a server. */
export function hasIdentity(state: StateDir): boolean {
  return state.sealed('identity') !== undefined;
}

/**
 * The identity that is kept, or a new one when a token was given. A token that was used before is no mistake: the same
 * command may be given again. Throws GscipError on a token that is none, and on one of another network.
 */
export function openIdentity(
  state: StateDir,
  sealer: Sealer,
  tools: Tools,
  given: { readonly join: string | undefined; readonly servers: readonly string[] },
): OpenedIdentity {
  const kept = readIdentity(state, sealer);
  const { join = kept?.token } = given;
  const token = join === undefined ? undefined : parseToken(tools.provider, join);
  const identity = chosen(kept, token, join, tools);
  const servers = given.servers.length > 0 ? given.servers : (token?.servers ?? identity.servers);
  const opened = { ...identity, servers };
  writeIdentity(state, sealer, opened);
  return { identity: opened, token: opened.enrolment ? undefined : token };
}

/** Replaces what is kept; settles on the disk before it returns. */
export function writeIdentity(state: StateDir, sealer: Sealer, identity: LinkIdentity): void {
  const bytes = encodeLinkIdentity(identity);
  state.writeSealed('identity', sealer.seal('identity', bytes));
  wipe(bytes);
}

function readIdentity(state: StateDir, sealer: Sealer): LinkIdentity | undefined {
  const sealed = state.sealed('identity');
  if (!sealed) return undefined;
  const bytes = sealer.open('identity', sealed);
  const identity = bytes && decodeLinkIdentity(bytes);
  if (bytes) wipe(bytes);
  if (identity) return identity;
  throw new GscipError(
    'state-damaged',
    `${state.path}/identity.key is damaged`,
    'restore it from a backup, or join again with a new token and another --state',
  );
}

function chosen(
  kept: LinkIdentity | undefined,
  token: JoinToken | undefined,
  text: string | undefined,
  { random }: Tools,
): LinkIdentity {
  const isSame = token === undefined || kept?.tokenId === token.id;
  if (kept?.enrolment && kept.removed === undefined) {
    if (isSame) return kept;
    throw new GscipError(
      'joined-already',
      `this node is "${kept.enrolment.name}" of the network "${kept.enrolment.network}" already`,
      'start it without a token; to join another network use "gscip logout" first, or another --state',
    );
  }
  if (kept && isSame) return kept;
  if (token === undefined)
    throw new GscipError('no-bundle', 'this node belongs to no network yet', 'give a join token with --join');
  // one who was removed comes back as another node: the old name stays on the list of those who left
  const edSeed = kept && kept.removed === undefined ? kept.edSeed : random(32);
  return { edSeed, tokenId: token.id, token: text, servers: token.servers, enrolment: undefined, removed: undefined };
}

function parseToken(provider: CryptoProvider, text: string): JoinToken {
  const token = decodeJoinToken(provider, text);
  if (typeof token !== 'string') return token;
  throw new GscipError(
    'bad-token',
    `this is no join token: ${MEANINGS[token]}`,
    'copy the whole line that begins with gsj1.',
  );
}

const MEANINGS: Readonly<Record<JoinTokenFault, string>> = {
  prefix: 'it does not begin with "gsj1."',
  newer: 'a newer GSCIP made it, and this release reads only those that begin with "gsj1."',
  'too-short': 'its end is missing',
  'too-long': 'it is too long',
  letter: 'it holds a letter that tokens do not have',
  checksum: 'a letter of it was changed',
  server: 'it names no server, or a part of an address is wrong',
};

/** What a new node wants to be called: the machine's name as far as a name may hold it. */
export function nameFrom(host: string): string {
  const name = host
    .toLowerCase()
    .split('.')[0]
    .replace(/[^a-z0-9-]+/g, '-')
    .slice(0, 63)
    .replace(/^-+|-+$/g, '');
  return name === '' ? `node-${toHex(utf8(host)).slice(0, 8)}` : name;
}
