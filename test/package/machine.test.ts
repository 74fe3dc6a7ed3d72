import { existsSync, lstatSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { StatusAnswer } from '../../src/api/status.ts';
import { withLab } from '../../src/cli/lab/lab.ts';
import type { OverlayNode } from '../../src/cli/lab/overlay.ts';
import { until } from '../../src/cli/lab/until.ts';
import { built } from './built.ts';
import { DebianMachine } from './debian-machine.ts';
import { withNetwork } from './network.ts';

const packages = built();
const PACKAGES = [packages.now, packages.before, packages.next];
const here = (file: string) => `/srv/${basename(file)}`;

/** A network with a server and a member, and a Debian machine beside them that is in none yet. */
interface Ground {
  readonly box: DebianMachine;
  readonly other: OverlayNode;
}

function withGround<T>(base: string, body: (ground: Ground) => Promise<T>): Promise<T> {
  return withNetwork(async ({ lab, place, token, other }) => {
    const box = new DebianMachine(lab, place, base, PACKAGES);
    writeFileSync(join(box.root, 'srv/token'), `${token}\n`, { mode: 0o600 });
    return body({ box, other });
  });
}

/** The overlay address of the machine, once the other one reaches it. */
async function reached({ box, other }: Ground): Promise<string> {
  const address = await until(
    'an address',
    async () => {
      const status: StatusAnswer = JSON.parse(await box.run('gscip', 'status', '--json'));
      return status.node.addresses.find((each) => !each.includes(':'))?.replace(/\/.*/, '');
    },
    { seconds: 60 },
  );
  await until(
    'the way',
    async () => (await other.namespace.attempt(['ping', '-c1', '-W1', address], { seconds: 5 })).code === 0,
    { seconds: 60 },
  );
  return address;
}

async function timed<T>(what: string, body: () => Promise<T>): Promise<T> {
  const begin = performance.now();
  const result = await body();
  console.log(`${what}: ${((performance.now() - begin) / 1000).toFixed(1)} s`);
  return result;
}

/** Units of ours that anything would start. */
function enabled({ root }: DebianMachine): readonly string[] {
  const wants = ['multi-user.target.wants/gscip.service', 'sysinit.target.wants/gscip-lock.service'];
  return wants.filter(
    (path) => lstatSync(join(root, 'etc/systemd/system', path), { throwIfNoEntry: false }) !== undefined,
  );
}

describe('on the smallest Debian', { timeout: 300_000 }, () => {
  it('one command installs it, with what it depends on', () =>
    withLab(async (lab) => {
      const box = new DebianMachine(lab, lab.namespace('bare'), packages.bare, [packages.now]);
      expect((await box.attempt('which', 'node')).code).not.toBe(0);
      await box.outside('apt-get', 'update', '-q');
      await timed('installed with apt-get, downloads of what it depends on included', () =>
        box.outside('apt-get', 'install', '-y', '-q', '--no-install-recommends', here(packages.now)),
      );
      expect(await box.run('gscip', 'version')).toContain('packets by the native addon');
      expect((await box.attempt('which', 'node')).code).not.toBe(0);
    }));
});

describe('without systemd', { timeout: 300_000 }, () => {
  it('it joins by a token without any download, and a purge ends it and leaves nothing', () =>
    withGround(packages.base, async (ground) => {
      const { box } = ground;
      const [files, network] = [box.files(), box.network()];
      await timed('installed with dpkg', () => box.run('dpkg', '-i', here(packages.now)));
      expect(await box.run('dpkg', '--verify', 'gscip')).toBe('');
      const agent = box.start(['gscip', 'up', '--join', '/srv/token', '--name', 'box'], 300);
      await reached(ground);
      expect(box.files().length).toBeGreaterThan(files.length + 500);
      expect(box.network()).not.toBe(network);
      await timed('purged', () => box.run('dpkg', '--purge', 'gscip'));
      expect(await agent.exited).toBe(0);
      expect(box.files()).toEqual(files);
      expect(box.network()).toBe(network);
    }));
});

describe('with systemd', { timeout: 600_000 }, () => {
  it('its service outlives a boot and an upgrade; removed it keeps its keys, purged nothing', () =>
    withGround(packages.base, async (ground) => {
      const { box } = ground;
      await box.boot();
      const [files, network] = [box.files(), box.network()];
      await timed('installed with dpkg', () => box.run('dpkg', '-i', here(packages.before)));
      expect(enabled(box)).toEqual([]);
      expect(await box.run('gscip', 'version')).toContain('gscip 0.0.9');
      await box.run('gscip', 'service', 'install', '--join', '/srv/token');
      expect(existsSync(join(box.root, 'etc/systemd/system/gscip.service'))).toBe(false);
      await reached(ground);
      expect(enabled(box)).toHaveLength(2);

      writeFileSync(join(box.root, 'srv/unbooted'), '');
      await box.run('mv', '/srv/unbooted', '/run/');
      await box.shutDown();
      await timed('booted', () => box.boot());
      expect((await box.attempt('ls', '/run/unbooted')).code).not.toBe(0);
      await timed('reached after the boot', () => reached(ground));

      await upgraded(ground);
      await box.run('gscip', 'service', 'install', '--', '--mtu', '1300');
      await until('the setting', () => box.namespace.ip('link', 'show', 'gscip0').includes('mtu 1300'));

      await box.run('dpkg', '--remove', 'gscip');
      expect(existsSync(join(box.root, 'var/lib/gscip'))).toBe(true);
      expect(existsSync(join(box.root, 'usr/lib/gscip'))).toBe(false);
      expect(box.network()).toBe(network);
      await box.run('dpkg', '-i', here(packages.next));
      await box.run('gscip', 'service', 'install');
      await reached(ground);

      await timed('purged', () => box.run('dpkg', '--purge', 'gscip'));
      expect(box.network()).toBe(network);
      expect(await box.run('systemctl', 'list-units', '--all', '--plain', '--no-legend', 'gscip*')).toBe('');
      expect(box.files()).toEqual(files);
      await box.shutDown();
    }));
});

/** Upgrades while the other machine sends, and says what was lost. */
async function upgraded(ground: Ground): Promise<void> {
  const { box, other } = ground;
  const address = await reached(ground);
  const pings = other.namespace.start(['ping', '-D', '-i', '0.02', '-w', '400', address], { seconds: 420 });
  await until('the first answers', () => pings.stdout().split('\n').length > 50);
  await timed('upgraded', () => box.run('dpkg', '-i', here(packages.next)));
  const pid = () => box.run('systemctl', 'show', '-p', 'MainPID', '--value', 'gscip.service');
  expect(await box.run('gscip', 'version')).toContain('gscip 0.2.0');
  const answers = () => pings.stdout().split(' bytes from ').length;
  const before = answers();
  await until('answers after it', () => answers() > before + 100, { seconds: 120 });
  const program = await box.run('readlink', `/proc/${(await pid()).trim()}/exe`);
  expect(program.trim()).toBe('/usr/lib/gscip/bin/node');
  pings.signal('SIGINT');
  const { stdout } = await pings.finished();
  const times = [...stdout.matchAll(/^\[([\d.]+)\]/gm)].map(([, time]) => Number(time));
  const gaps = times.slice(1).map((time, at) => time - (times[at] ?? time));
  console.log(
    `upgrade under 50 pings/s: ${/\d+ packets.*loss/.exec(stdout)?.[0]}, longest silence ${Math.max(...gaps).toFixed(1)} s`,
  );
  expect(stdout).toMatch(/packets transmitted/);
}
