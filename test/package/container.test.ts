import { cpSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PROJECT } from '../../src/cli/lab/pinned-node.ts';
import { runNow } from '../../src/cli/lab/run-now.ts';
import { built } from './built.ts';

/** Storage of its own, and no kernel features: it works inside containers and chroots too. */
let folder: string;
function buildah(...words: readonly string[]): string {
  const storage = ['--storage-driver', 'vfs', '--root', join(folder, 'storage'), '--runroot', join(folder, 'run')];
  return runNow('buildah', [...storage, ...words]).trim();
}

/** An image of a bare Debian, as a registry would give it. */
function baseImage(): void {
  const container = buildah('from', 'scratch');
  const archive = join(folder, 'base.tar');
  runNow('tar', ['-C', built().base, '-cf', archive, '.']);
  buildah('add', '--quiet', container, archive, '/');
  rmSync(archive);
  buildah('commit', '--quiet', '--rm', container, 'localhost/base');
}

describe('the container image', { timeout: 300_000 }, () => {
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'gscip-image-'));
    baseImage();
    const context = join(folder, 'context');
    mkdirSync(context);
    cpSync(built().now, join(context, 'gscip.deb'));
    const file = `${PROJECT}packaging/container/Containerfile`;
    const args = ['--build-arg', 'BASE=localhost/base', '--build-arg', 'PACKAGE=gscip.deb'];
    buildah(
      'bud',
      '--isolation',
      'chroot',
      '--pull-never',
      '--quiet',
      ...args,
      '--tag',
      'localhost/gscip',
      '--file',
      file,
      context,
    );
  });
  afterAll(() => {
    buildah('rm', '--all');
    buildah('rmi', '--all', '--force');
    rmSync(folder, { recursive: true });
  });

  it('starts the node by itself, is ended by SIGTERM, and keeps its state in a volume', () => {
    const { OCIv1 } = JSON.parse(buildah('inspect', '--type', 'image', 'localhost/gscip'));
    expect(OCIv1.config).toMatchObject({
      Entrypoint: ['gscip'],
      Cmd: ['up'],
      StopSignal: 'SIGTERM',
      Volumes: { '/var/lib/gscip': {} },
    });
  });

  it('has the program with its addon, and neither the package nor lists of packages', () => {
    const container = buildah('from', '--pull-never', 'localhost/gscip');
    const inside = (...words: readonly string[]) => buildah('run', '--isolation', 'chroot', container, '--', ...words);
    expect(inside('gscip', 'version')).toContain('packets by the native addon');
    expect(inside('find', '/tmp', '/var/lib/apt/lists', '/var/lib/gscip', '-mindepth', '1')).toBe('');
  });
});
