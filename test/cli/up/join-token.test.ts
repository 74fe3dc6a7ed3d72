import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { joinToken } from '../../../src/cli/up/join-token.ts';

const TOKEN = `gsj1.${'A'.repeat(80)}@192.0.2.1:47247`;

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'gscip-join-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

function file(text: string): string {
  const path = join(folder, 'token');
  writeFileSync(path, text);
  return path;
}

describe('what stands behind --join', () => {
  it('may be the token itself, or a file that holds it', async () => {
    expect(await joinToken(TOKEN)).toBe(TOKEN);
    expect(await joinToken(file(`\n${TOKEN}\n`))).toBe(TOKEN);
  });

  it.each([
    ['a file of something else', () => file('hello'), 'bad-token'],
    ['an empty file', () => file(''), 'bad-token'],
    ['neither token nor file', () => join(folder, 'none'), 'no-token'],
    ['a folder', () => folder, 'no-token'],
  ])('is refused when it is %s', async (_, written, code) => {
    await expect(joinToken(written())).rejects.toMatchObject({ code });
  });
});
