import {
  chmodSync,
  cpSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { addGroup } from '../../../src/server/authority/network-rules.ts';
import { changeAuthority, createAuthority, readAuthority } from '../../../src/server/authority/store.ts';
import { network, toolsAt } from './ground.ts';

let root: string;
let folder: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'gscip-authority-'));
  folder = join(root, 'net');
});
afterEach(() => rmSync(root, { recursive: true }));

function stateFile(): string {
  return join(folder, 'authority.cbor');
}

/** Makes an authority, then does something to it. */
function made(then: () => void): void {
  createAuthority(folder, network);
  then();
}

function addNamed(name: string) {
  return changeAuthority(folder, (before) => ({ state: addGroup(toolsAt(50), before, name), result: name }));
}

describe('the folder of an authority', () => {
  it('is for its owner alone', () => {
    createAuthority(folder, network);
    expect([statSync(folder).mode & 0o777, statSync(stateFile()).mode & 0o777]).toEqual([0o700, 0o600]);
    expect(readdirSync(folder)).toEqual(['authority.cbor']);
  });

  it('keeps what was changed', () => {
    createAuthority(folder, network);
    expect(addNamed('third')).toBe('third');
    expect(readAuthority(folder).groups.map(({ name }) => name)).toEqual(['lab', 'home', 'third']);
    expect(readdirSync(folder)).toEqual(['authority.cbor']);
  });

  it('is as before when the change fails, and free for the next', () => {
    createAuthority(folder, network);
    const before = readFileSync(stateFile());
    expect(() => addNamed('lab')).toThrow(/exists already/);
    expect(readFileSync(stateFile())).toEqual(before);
    expect(addNamed('third')).toBe('third');
  });

  it.each([
    ['holds an authority already', () => createAuthority(folder, network)],
    ['is not empty', () => cpSync(import.meta.filename, join(folder, 'notes'))],
  ])('that %s is not made into one', (reason, prepare) => {
    prepare();
    expect(() => createAuthority(folder, network)).toThrow(reason);
  });

  it.each([
    ['holds no authority', () => {}],
    ['other users may enter', () => made(() => chmodSync(folder, 0o750))],
    ['is damaged', () => made(() => writeFileSync(stateFile(), 'x'))],
  ])('is refused when it %s', (reason, prepare) => {
    prepare();
    expect(() => readAuthority(folder)).toThrow(reason);
    expect(() => addNamed('third')).toThrow(reason);
  });

  it('is not changed by two at once', () => {
    createAuthority(folder, network);
    writeFileSync(join(folder, 'lock'), `${process.pid}\n`);
    expect(() => addNamed('third')).toThrow(expect.objectContaining({ code: 'authority-busy' }));
    expect(readAuthority(folder).groups).toHaveLength(2);
    expect(readdirSync(folder).sort()).toEqual(['authority.cbor', 'lock']);
  });

  it('is taken over from a process that has died', () => {
    createAuthority(folder, network);
    // no process has the largest number that Linux allows
    writeFileSync(join(folder, 'lock'), '4194304\n');
    expect(addNamed('third')).toBe('third');
    expect(existsSync(join(folder, 'lock'))).toBe(false);
  });
});
