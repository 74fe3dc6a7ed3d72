import { chownSync, statSync } from 'node:fs';
import { PROJECT } from '../../src/cli/lab/pinned-node.ts';

/** Gives a path to the owner of the checkout, so that what root made there does not stand in the owner's way later. */
export function giveToOwner(path: string): void {
  const { uid, gid } = statSync(PROJECT);
  try {
    chownSync(path, uid, gid);
  } catch {
    // not root, or inside a user namespace that does not know the owner: then it already is whose it should be
  }
}
