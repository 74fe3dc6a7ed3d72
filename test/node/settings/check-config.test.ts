import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { configFaults } from '../../../src/node/settings/check-config.ts';
import { run } from '../../cli/cli-run.ts';

describe('the check of a file of settings', () => {
  it('finds every mistake with its line, key, cause and remedy', () => {
    const text =
      '# node\nmtu = 100\ntun = "gscip0"\nmtuu = 5\n\nlog-level = 3\n"peer" = ["x"]\nflows = 2048\n[home]\na = 1\n';
    expect(configFaults(text)).toEqual([
      { line: 2, key: 'mtu', message: 'mtu = 100 is out of range', remedy: 'use 1280 to 9000 bytes' },
      { line: 4, key: 'mtuu', message: 'there is no setting "mtuu"', remedy: 'did you mean "mtu"?' },
      { line: 6, key: 'log-level', message: '"log-level" must be a text', remedy: 'as in: tun = "gscip0"' },
      {
        line: 7,
        key: 'peer',
        message: expect.stringContaining('"x" names no'),
        remedy: expect.stringContaining('write NAME='),
      },
      { line: 9, key: 'home', message: '"home" must be a list of texts', remedy: expect.stringContaining('peer =') },
    ]);
  });

  it('of what is no TOML names the line', () => {
    expect(configFaults('mtu = 1400\ntun = gscip0\n')).toMatchObject([
      { line: 2, key: null, message: expect.stringContaining('not valid TOML') },
    ]);
  });

  it('of a good one, or an empty one, finds nothing', () => {
    expect(configFaults('')).toEqual([]);
    expect(configFaults('mtu = 1400\npeer = ["b=192.0.2.1:47247"]\n')).toEqual([]);
  });

  it('is a command that ends with 0, 1 or 2, and prints one object with --json', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'gscip-config-'));
    try {
      const [good, bad] = ['good.toml', 'bad.toml'].map((name) => join(folder, name));
      writeFileSync(good, 'mtu = 1400\n');
      writeFileSync(bad, 'tun = "x"\nmtu = 1\n');
      expect(await run(['config', 'check', good])).toMatchObject({ status: 0, stdout: `${good}: good\n` });
      const { status, stdout } = await run(['config', 'check', bad]);
      expect([status, stdout]).toEqual([1, `${bad}:2: mtu = 1 is out of range\n       use 1280 to 9000 bytes\n`]);
      const json = await run(['config', 'check', bad, '--json']);
      expect(JSON.parse(json.stdout)).toMatchObject({ schema: 1, good: false, faults: [{ line: 2, key: 'mtu' }] });
      expect(await run(['config', 'check'])).toMatchObject({ status: 2 });
      expect(await run(['config', 'check', join(folder, 'none')])).toMatchObject({ status: 1 });
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
