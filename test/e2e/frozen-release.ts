import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { brotliDecompressSync } from 'node:zlib';
import { PROJECT, pinnedNode } from '../../src/cli/lab/pinned-node.ts';
import { runNow, tryNow } from '../../src/cli/lab/run-now.ts';
import { giveToOwner } from '../netns/project-owner.ts';

const FROZEN = `${PROJECT}test/compat/`;
const UNPACKED = `${PROJECT}build/compat/`;

/** The releases that scripts/freeze-release.sh kept, oldest first. */
export function frozenReleases(): readonly string[] {
  return readdirSync(FROZEN)
    .flatMap((name) => /^gscip-(.+)\.tar\.br$/.exec(name)?.[1] ?? [])
    .sort((a, b) => a.localeCompare(b, 'en', { numeric: true }));
}

/**
 * How the program of a frozen release is started: its own JavaScript and its own addon, which is compiled here from the
 * sources of that release, with the third-party packages of this one. Unpacked once for each content.
 */
export function frozenProgram(version: string): readonly string[] {
  const archive = readFileSync(`${FROZEN}gscip-${version}.tar.br`);
  const digest = createHash('sha256').update(archive).digest('hex');
  if (!readFileSync(`${FROZEN}SHA256SUMS`, 'utf8').includes(`${digest}  gscip-${version}.tar.br\n`))
    throw new Error(`test/compat/gscip-${version}.tar.br is not what its checksum in SHA256SUMS says`);
  const folder = `${UNPACKED}${version}-${digest.slice(0, 16)}`;
  if (!existsSync(folder)) unpack(archive, folder);
  return [pinnedNode(), join(folder, 'dist/cli/main.js')];
}

function unpack(archive: Uint8Array, folder: string): void {
  mkdirSync(UNPACKED, { recursive: true });
  giveToOwner(UNPACKED);
  const fresh = mkdtempSync(`${folder}.`);
  try {
    const tar = join(fresh, 'release.tar');
    writeFileSync(tar, brotliDecompressSync(archive));
    runNow('tar', ['xf', tar, '--no-same-owner', '-C', fresh]);
    rmSync(tar);
    symlinkSync(`${PROJECT}node_modules`, join(fresh, 'node_modules'));
    runNow('sh', [join(fresh, 'scripts/build-native.sh')]);
    runNow('chmod', ['755', fresh]);
    tryNow('chown', ['-R', '--reference', PROJECT, fresh]);
    if (!existsSync(folder)) renameSync(fresh, folder);
  } finally {
    rmSync(fresh, { recursive: true, force: true });
  }
}
