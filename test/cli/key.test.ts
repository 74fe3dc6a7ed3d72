import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { decodeKeyFile } from '../../src/crypto/key-file.ts';
import { json, run } from './cli-run.ts';

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'gscip-key-'));
});
afterEach(() => rmSync(root, { recursive: true }));

function enter(code: string, ...more: readonly string[]) {
  const path = join(root, 'code');
  writeFileSync(path, `${code}\n`);
  return run(['key', 'enter', 'lab', '--state', join(root, 'state'), '--code-file', path, ...more]);
}

async function newCode(): Promise<string> {
  return (await run(['key', 'code'])).stdout.trim();
}

function keyFiles(): readonly string[] {
  return readdirSync(join(root, 'state', 'keys'));
}

describe('gscip key', () => {
  it('makes a code that it takes again, and keeps the key for root alone', async () => {
    const { status, stdout } = await enter(await newCode());
    expect(status).toBe(0);
    expect(stdout).toMatch(/no list of members, so it protects no traffic between two machines/);
    const [name = ''] = keyFiles();
    const path = join(root, 'state', 'keys', name);
    expect([statSync(path).mode & 0o777, statSync(join(root, 'state', 'keys')).mode & 0o777]).toEqual([0o600, 0o700]);
    expect(decodeKeyFile(readFileSync(path))).toMatchObject({ name: 'lab', groupId: name.replace('.key', '') });
  });

  it('never makes the same code twice', async () => {
    expect(await newCode()).not.toBe(await newCode());
  });

  it.each([
    ['hunter2', /password of your own choice is refused: .* guess/],
    ['', /not a generated code/],
    ['gsk1-00000-00000-00000-00000-00000-00000', /checksum does not fit/],
  ])('refuses %j with the reason', async (code, reason) => {
    const result = await enter(code);
    expect(result).toMatchObject({ status: 1, stdout: '' });
    expect(result.stderr).toMatch(reason);
    expect(result.stderr).toContain('gscip key code');
  });

  it('replaces the key of a group only when told to', async () => {
    await enter(await newCode());
    const [first] = keyFiles();
    const second = await newCode();
    expect(await enter(second)).toMatchObject({ status: 1, stderr: expect.stringContaining('--force') });
    expect(keyFiles()).toEqual([first]);
    expect(json(await enter(second, '--force', '--json'))).toMatchObject({ schema: 1, unicast: false });
    expect(keyFiles()).toHaveLength(1);
    expect(keyFiles()).not.toEqual([first]);
  });

  it('takes the same code again without a question', async () => {
    const code = await newCode();
    await enter(code);
    expect(await enter(code)).toMatchObject({ status: 0 });
  });

  it('says that no agent runs when there is none to read keys again', async () => {
    expect(await run(['key', 'reload', '--socket', join(root, 'none')])).toMatchObject({ status: 3 });
  });
});
