import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { RotatingFile } from '../../../src/cli/pit/rotating-file.ts';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'gscip-rotating-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const path = () => join(folder, 'flows.jsonl');
const lines = (name: string) => readFileSync(join(folder, name), 'utf8').trim().split('\n');

/** Writes the numbers from `first` on, each as a line of 10 bytes. */
function write(file: RotatingFile, first: number, count: number): void {
  for (let n = first; n < first + count; n++) file.write(`${n}`.padStart(9, '0'));
}

describe('a rotating file', () => {
  it('puts full files aside whole, in order, and lets the oldest go', () => {
    const file = new RotatingFile(path(), 30, 2);
    write(file, 0, 11);
    file.close();
    expect(readdirSync(folder).sort()).toEqual(['flows.jsonl', 'flows.jsonl.1', 'flows.jsonl.2']);
    const all = ['flows.jsonl.2', 'flows.jsonl.1', 'flows.jsonl'].flatMap((name) => lines(name).map(Number));
    expect(all).toEqual([3, 4, 5, 6, 7, 8, 9, 10]);
  });

  it('goes on with what is there', () => {
    for (const first of [0, 2]) {
      const file = new RotatingFile(path(), 30, 1);
      write(file, first, 2);
      file.close();
    }
    expect(lines('flows.jsonl.1').map(Number)).toEqual([0, 1, 2]);
    expect(lines('flows.jsonl').map(Number)).toEqual([3]);
  });

  it('keeps one file alone where none is to be kept beside it', () => {
    const file = new RotatingFile(path(), 30, 0);
    write(file, 0, 7);
    file.close();
    expect(readdirSync(folder)).toEqual(['flows.jsonl']);
    expect(lines('flows.jsonl').map(Number)).toEqual([6]);
  });

  it('writes a line that is longer than a file may be, alone', () => {
    const file = new RotatingFile(path(), 5, 3);
    file.write('longer than five');
    file.write('also longer');
    file.close();
    expect([lines('flows.jsonl.1'), lines('flows.jsonl')]).toEqual([['longer than five'], ['also longer']]);
  });

  it('is for its owner only', () => {
    new RotatingFile(path(), 30, 1).close();
    expect(statSync(path()).mode & 0o777).toBe(0o600);
  });

  it('names the file, the cause and the remedy where it cannot write', () => {
    writeFileSync(join(folder, 'no-folder'), '');
    expect(() => new RotatingFile(join(folder, 'no-folder', 'x'), 30, 1)).toThrow(
      expect.objectContaining({
        code: 'export-failed',
        message: expect.stringMatching(/cannot write .*no-folder\/x: ENOTDIR/),
        remedy: expect.stringContaining('--out'),
      }),
    );
  });

  it('says so when the next file cannot be made, and closes nothing twice', () => {
    const file = new RotatingFile(path(), 10, 1);
    write(file, 0, 1);
    rmSync(folder, { recursive: true });
    expect(() => write(file, 1, 1)).toThrow(/cannot write/);
    file.close();
    folder = mkdtempSync(join(tmpdir(), 'gscip-rotating-'));
  });
});
