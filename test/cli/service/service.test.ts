import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { packagedText } from '../../../src/cli/service/service-units.ts';
import { json, run } from '../cli-run.ts';

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'gscip-root-'));
  vi.spyOn(process, 'geteuid').mockReturnValue(0);
});
afterEach(() => {
  rmSync(root, { recursive: true });
  vi.restoreAllMocks();
});

const FOLDER = '/etc/systemd/system';
const TOKEN = `gsj1.${'A'.repeat(60)}`;
const unit = (name: string) => join(root, FOLDER, name);
const service = (...words: readonly string[]) => {
  const [verb = '', ...rest] = words;
  return run(['service', verb, '--root', root, ...rest]);
};

describe('gscip service', () => {
  it('writes the units of the node, and takes away all that it wrote', async () => {
    const token = join(root, 'token.txt');
    writeFileSync(token, TOKEN);
    expect((await service('install', '--join', token, 'node', '--', '--name', 'a b')).status).toBe(0);
    expect(readFileSync(unit('gscip.service'), 'utf8')).toMatch(
      /ExecStart=.* up --state \/var\/lib\/gscip --name "a b"$/m,
    );
    expect(existsSync(unit('gscip-lock.service'))).toBe(true);
    const secret = join(root, '/etc/gscip/join-token');
    expect(readFileSync(secret, 'utf8').trim()).toBe(TOKEN);
    expect(statSync(secret).mode & 0o777).toBe(0o600);
    expect(readFileSync(unit('gscip.service'), 'utf8')).not.toContain('gsj1.');
    expect((await service('uninstall')).status).toBe(0);
    for (const path of [unit('gscip.service'), unit('gscip-lock.service'), join(root, '/etc/gscip')])
      expect(existsSync(path)).toBe(false);
  });

  it('takes the node where only its options are given', async () => {
    expect((await service('install', '--', '--name', 'box')).status).toBe(0);
    expect(readFileSync(unit('gscip.service'), 'utf8')).toMatch(/--name box$/m);
  });

  it('changes nothing when it is given again', async () => {
    expect((await service('install')).stdout).toContain('wrote');
    expect((await service('install')).stdout).not.toContain('wrote');
  });

  it('tells programs what it wrote and removed', async () => {
    const paths = ['gscip-lock.service', 'gscip.service'].map(unit);
    expect(json(await service('install', '--json'))).toEqual({
      schema: 1,
      service: 'node',
      wrote: paths,
      started: false,
    });
    expect(json(await service('uninstall', '--json'))).toEqual({ schema: 1, service: 'node', removed: paths });
  });

  it('takes the units of a package where they say the same, and goes back to them', async () => {
    await service('install');
    const names = ['gscip-lock.service', 'gscip.service'];
    mkdirSync(join(root, '/lib/systemd/system'), { recursive: true });
    for (const name of names)
      writeFileSync(join(root, '/lib/systemd/system', name), packagedText(readFileSync(unit(name), 'utf8')));
    expect((await service('install')).stdout).not.toContain('wrote');
    expect(names.filter((name) => existsSync(unit(name)))).toEqual([]);
    expect((await service('install', '--', '--name', 'box')).stdout).toContain(`wrote ${unit('gscip.service')}`);
    expect(names.filter((name) => existsSync(unit(name)))).toEqual(['gscip.service']);
    await service('install');
    expect(names.filter((name) => existsSync(unit(name)))).toEqual([]);
    expect(await service('uninstall')).toMatchObject({
      status: 0,
      stdout: expect.stringContaining('left with the package'),
    });
    expect(existsSync(join(root, '/lib/systemd/system/gscip.service'))).toBe(true);
  });

  it("leaves another one's unit alone", async () => {
    mkdirSync(join(root, FOLDER), { recursive: true });
    writeFileSync(unit('gscip.service'), '[Unit]\n');
    const { status, stderr } = await service('install');
    expect([status, stderr]).toEqual([1, expect.stringContaining('was not written by this command')]);
    expect(existsSync(unit('gscip-lock.service'))).toBe(false);
    expect((await service('uninstall')).stderr).toContain('no unit of the node was installed');
    expect(readFileSync(unit('gscip.service'), 'utf8')).toBe('[Unit]\n');
  });

  it.each([
    [['node', '--', '--join', TOKEN], '--join is not for a unit'],
    [['node', '--', `--join=${TOKEN}`], '--join is not for a unit'],
    [['node', '--', '--new', 'home'], 'begin the network by hand'],
    [['server', '--', '--relay-token', 'x'], '--relay-token is not for a unit'],
    [['node', '--', '--no-such'], 'unknown option'],
    [['node', '--', '--mtu', '12'], 'mtu'],
    [['server', '--', '--tun', 'gscip0'], 'unknown option'],
    [['server', '--join', TOKEN], '--join belongs to the node'],
    [['node', '--state', 'here'], 'is no whole path'],
    [['wireguard'], 'there is no service "wireguard"'],
    [['node', '--join', 'nothing-like-it'], 'neither a join token nor a file'],
  ])('refuses %j, and writes nothing', async (words, text) => {
    const { status, stderr } = await service('install', ...words);
    expect(stderr).toContain(text);
    expect(stderr).not.toContain(TOKEN);
    expect(status).not.toBe(0);
    expect(existsSync(join(root, '/etc'))).toBe(false);
  });

  it('refuses whoever is not root', async () => {
    vi.spyOn(process, 'geteuid').mockReturnValue(1_000);
    expect((await service('install')).stderr).toContain('for root');
    expect(existsSync(join(root, '/etc'))).toBe(false);
  });
});
