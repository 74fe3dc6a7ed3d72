import { cpSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { StatusAnswer } from '../../src/api/status.ts';
import type { LabProcess } from '../../src/cli/lab/lab-process.ts';
import type { OverlayNode } from '../../src/cli/lab/overlay.ts';
import { PROJECT } from '../../src/cli/lab/pinned-node.ts';
import { runNow } from '../../src/cli/lab/run-now.ts';
import { until } from '../../src/cli/lab/until.ts';
import { built } from './built.ts';
import { networkOf } from './debian-machine.ts';
import { withNetwork } from './network.ts';
import { Podman } from './podman.ts';

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

/** The status of the node in a container, once it has an address. */
function running(podman: Podman, container: LabProcess): Promise<StatusAnswer> {
  return until(
    () => `the node, which says: ${container.stderr().slice(-500)}`,
    async () => {
      const { code, stdout } = await podman.attempt('exec', 'vpn', 'gscip', 'status', '--json');
      const status: StatusAnswer | undefined = code === 0 ? JSON.parse(stdout) : undefined;
      return status !== undefined && status.node.addresses.length > 0 && status;
    },
    { seconds: 60, everyMs: 500 },
  );
}

async function answers(other: OverlayNode, address: string): Promise<void> {
  const ping = ['ping', '-c1', '-W1', address.replace(/\/.*/, '')];
  await until(`an answer of ${address}`, async () => (await other.namespace.attempt(ping, { seconds: 5 })).code === 0, {
    seconds: 60,
  });
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

  it('runs as a node that joins by a token, and leaves nothing behind when it is ended', () =>
    withNetwork(async ({ lab, other, place, token }) => {
      const podman = new Podman(lab, folder);
      const before = networkOf(place);
      try {
        const container = podman.run('vpn', place, 'localhost/gscip', ['up', '--join', token, '--name', 'box']);
        const { node } = await running(podman, container);
        // a container may not set the switches that IPv6 needs (docs/guide/packages.md)
        for (const address of node.addresses.filter((each) => !each.includes(':'))) await answers(other, address);
        expect(networkOf(place)).not.toBe(before);
        container.signal('SIGTERM');
        expect(await container.exited).toBe(0);
        expect(networkOf(place)).toBe(before);
      } finally {
        await podman.attempt('rm', '--all', '--force', '--time', '0');
      }
    }));
});
