import { chmodSync, existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { GscipError } from '../../src/base/errors.ts';
import { ServerFolder } from '../../src/server/server-folder.ts';

const top = mkdtempSync(join(tmpdir(), 'gscip-folder-'));
afterAll(() => rmSync(top, { recursive: true }));
let made = 0;
const newPath = () => join(top, `state-${++made}`);
const random = (length: number) => new Uint8Array(length).fill(7);

function codeOf(work: () => unknown): string {
  try {
    work();
    return 'none';
  } catch (error) {
    return error instanceof GscipError ? error.code : String(error);
  }
}

describe('the state folder of a server', () => {
  it('is made so that only its owner may enter', () => {
    const path = newPath();
    new ServerFolder(path).close();
    expect(statSync(path).mode & 0o777).toBe(0o700);
  });

  it('is refused when others may enter, or when it cannot be made', () => {
    const path = newPath();
    new ServerFolder(path).close();
    chmodSync(path, 0o750);
    expect(codeOf(() => new ServerFolder(path))).toBe('folder-open');
    writeFileSync(join(top, 'file'), '');
    expect(codeOf(() => new ServerFolder(join(top, 'file', 'state')))).toBe('no-state');
  });

  it('serves one server at a time, and the next when that one has ended', () => {
    const path = newPath();
    const first = new ServerFolder(path);
    expect(codeOf(() => new ServerFolder(path))).toBe('server-running');
    first.close();
    new ServerFolder(path).close();
  });
});

describe('the key of the database', () => {
  it('is made once, in a file that only the owner may read', () => {
    const path = newPath();
    const folder = new ServerFolder(path);
    expect(folder.sealKey(undefined, random).key).toEqual(random(32));
    expect(folder.sealKey(undefined, () => new Uint8Array(32)).key).toEqual(random(32));
    expect(statSync(join(path, 'server.key')).mode & 0o777).toBe(0o600);
    folder.close();
  });

  it('is forgotten only by the start that made it', () => {
    const folder = new ServerFolder(newPath());
    const file = join(folder.path, 'shared.key');
    const { forget } = folder.sealKey(file, random);
    folder.sealKey(file, random).forget();
    expect(existsSync(file)).toBe(true);
    forget();
    expect(existsSync(file)).toBe(false);
    folder.close();
  });

  it('is not replaced where there is a database, nor taken from a file that is open or no key', () => {
    const folder = new ServerFolder(newPath());
    writeFileSync(folder.database, '');
    expect(codeOf(() => folder.heldKey(undefined))).toBe('no-server-key');
    expect(codeOf(() => folder.sealKey(undefined, random))).toBe('no-server-key');
    const file = join(folder.path, 'server.key');
    writeFileSync(file, 'hello', { mode: 0o600 });
    expect(codeOf(() => folder.sealKey(undefined, random))).toBe('bad-server-key');
    chmodSync(file, 0o640);
    expect(codeOf(() => folder.sealKey(undefined, random))).toBe('server-key-open');
    folder.close();
  });
});
