import { readFileSync } from 'node:fs';
import type { UnixSeconds } from '../base/brands.ts';
import { fromHex, toHex } from '../base/bytes.ts';
import { GscipError } from '../base/errors.ts';
import { type BundleFault, openBundle, type VerifiedBundle } from '../crypto/bundle-verify.ts';
import type { CryptoProvider } from '../crypto/provider.ts';
import type { KeptState, StateDir } from './state-dir.ts';

export interface ImportedBundle {
  readonly verified: VerifiedBundle;
  readonly bytes: Uint8Array;
  /** hex of the authority's key */
  readonly admin: string;
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
      `this node has no bundle yet (nothing in ${state.path})`,
      'name one with --bundle FILE; an authority writes it with "gscip authority node add"',
    );
  const trust = kept ? { pin: fromHex(kept.admin), number: kept.bundleNumber } : {};
  const verified = openBundle(provider, bytes, now, trust);
  if (typeof verified === 'string') throw bundleFailure(verified, file ?? `${state.path}/bundle.cbor`);
  return { verified, bytes, admin: toHex(verified.bundle.admin) };
}

/** The file's bytes; where the file is gone, the copy that the node kept serves. */
function readBundle(file: string): Uint8Array | undefined {
  try {
    return readFileSync(file);
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause && cause.code === 'ENOENT') return undefined;
    throw new GscipError('no-bundle', `cannot read the bundle ${file}`, 'check the path and its permissions', cause);
  }
}

function bundleFailure(fault: BundleFault, file: string): GscipError {
  return new GscipError(fault, `${file} is no bundle for this node: ${MEANINGS[fault] ?? fault}`, remedyFor(fault));
}

const MEANINGS: Readonly<Record<string, string>> = {
  'bundle-truncated': 'the file is cut off',
  'bundle-trailing-bytes': 'something follows the bundle in the file',
  'bundle-not-ours': 'the file is not a GSCIP bundle',
  'bundle-other-authority': 'it comes from another authority than the one this node belongs to',
  'bundle-signature': "the authority's signature does not fit: the file was changed",
  'bundle-rolled-back': 'it is older than the one in use',
  'bundle-node-key': 'its key and its certificate belong to different nodes',
  'bundle-not-a-member': 'it holds a group that this node is not a member of',
  'bundle-ca-part-expired': 'its certificate has expired',
  'bundle-ca-part-not-yet-valid': 'its certificate is not valid yet; check the clock of this machine',
};

function remedyFor(fault: BundleFault): string {
  if (fault === 'bundle-other-authority') return 'to join another network use another --state folder';
  if (fault === 'bundle-rolled-back') return 'take the newest: "gscip authority bundle DIR NODE --out FILE"';
  return 'have it written again: "gscip authority bundle DIR NODE --out FILE"';
}
