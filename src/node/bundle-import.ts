import { closeSync, openSync, readSync } from 'node:fs';
import type { UnixSeconds } from '../base/brands.ts';
import { fromHex, toHex, wipe } from '../base/bytes.ts';
import { GscipError } from '../base/errors.ts';
import { MAX_BUNDLE } from '../crypto/bundle.ts';
import { type BundleFault, openBundle, type VerifiedBundle } from '../crypto/bundle-verify.ts';
import type { CryptoProvider } from '../crypto/provider.ts';
import type { KeptState, StateDir } from './state-dir.ts';

export interface ImportedBundle {
  readonly verified: VerifiedBundle;
  readonly bytes: Uint8Array;
  /** hex of the authority's key */
  readonly admin: string;
  /** why the file that was named earlier was passed over for the copy in the state folder */
  readonly refused?: GscipError;
}

/** Where the bundle comes from. */
export interface BundleSource {
  readonly file: string | undefined;
  /** named just now, and not merely kept from an earlier start */
  readonly given: boolean;
}

/** At a start: a file that was named just now must be good; one from an earlier start gives way to the copy that the node kept. */
export function importOrKeep(
  state: StateDir,
  { file, given }: BundleSource,
  kept: KeptState | undefined,
  provider: CryptoProvider,
  now: UnixSeconds,
): ImportedBundle {
  try {
    return importBundle(state, file, kept, provider, now);
  } catch (error) {
    if (given || file === undefined || !(error instanceof GscipError) || !state.bundle()) throw error;
    return { ...importBundle(state, undefined, kept, provider, now), refused: error };
  }
}

/** Reads the bundle file that was named, or the one that was kept, and verifies it against what was pinned. */
export function importBundle(
  state: StateDir,
  file: string | undefined,
  kept: KeptState | undefined,
  provider: CryptoProvider,
  now: UnixSeconds,
): ImportedBundle {
  const bytes = (file === undefined ? undefined : readBundle(file)) ?? state.bundle();
  if (!bytes)
    throw new GscipError(
      'no-bundle',
      file === undefined ? `this node is in no network yet (nothing in ${state.path})` : `there is no file ${file}`,
      file === undefined
        ? 'join one with "gscip up --join TOKEN", begin one with "gscip up --new NAME", or name a bundle with --bundle FILE'
        : 'an authority writes it with "gscip authority node add"',
    );
  const trust = kept ? { pin: fromHex(kept.admin), number: kept.bundleNumber } : {};
  const verified = openBundle(provider, bytes, now, trust);
  const named = file ?? `${state.path}/bundle.cbor`;
  if (typeof verified === 'string') throw bundleFailure(verified, named);
  if (kept && kept.node !== verified.caPart.nodeId)
    throw bundleFailure('bundle-other-node', `${named} (for "${verified.bundle.node.name}")`);
  return { verified, bytes, admin: toHex(verified.bundle.admin) };
}

/** The file's bytes, at most one more than a bundle may have; where the file is gone, the copy that the node kept serves. */
function readBundle(file: string): Uint8Array | undefined {
  try {
    return readBounded(file, MAX_BUNDLE + 1);
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause && cause.code === 'ENOENT') return undefined;
    throw new GscipError('no-bundle', `cannot read the bundle ${file}`, 'check the path and its permissions', cause);
  }
}

/** Whatever was named, a device without an end too. */
function readBounded(file: string, most: number): Uint8Array {
  const bytes = new Uint8Array(most);
  const fd = openSync(file, 'r');
  try {
    let length = 0;
    for (let got = -1; got !== 0 && length < most; length += got)
      got = readSync(fd, bytes, length, most - length, null);
    return bytes.slice(0, length);
  } finally {
    wipe(bytes);
    closeSync(fd);
  }
}

type ImportFault = BundleFault | 'bundle-other-node';

function bundleFailure(fault: ImportFault, file: string): GscipError {
  return new GscipError(fault, `${file} is no bundle for this node: ${MEANINGS[fault] ?? fault}`, remedyFor(fault));
}

const MEANINGS: Readonly<Record<string, string>> = {
  'bundle-truncated': 'the file is cut off',
  'bundle-trailing-bytes': 'something follows the bundle in the file',
  'bundle-not-ours': 'the file is not a GSCIP bundle',
  'bundle-field-format': 'it is written in another format than the one of this release (1), perhaps by a newer one',
  'bundle-other-authority': 'it comes from another authority than the one this node belongs to',
  'bundle-other-node': 'it belongs to another node than the one whose state this is',
  'bundle-signature': "the authority's signature does not fit: the file was changed",
  'bundle-rolled-back': 'it is older than the one in use',
  'bundle-node-key': 'its key and its certificate belong to different nodes',
  'bundle-not-a-member': 'it holds a group that this node is not a member of',
  'bundle-ca-part-expired': 'its certificate has expired, or the clock of this machine is wrong',
  'bundle-ca-part-not-yet-valid': 'its certificate is not valid yet; check the clock of this machine',
};

function remedyFor(fault: ImportFault): string {
  if (fault === 'bundle-other-authority') return 'to join another network use another --state folder';
  if (fault === 'bundle-other-node') return 'to run as that node use another --state folder';
  if (fault === 'bundle-field-format') return 'upgrade this node, or have it written by the release that runs here';
  if (fault === 'bundle-rolled-back') return 'take the newest: "gscip authority bundle DIR NODE --out FILE"';
  return 'have it written again: "gscip authority bundle DIR NODE --out FILE"';
}
