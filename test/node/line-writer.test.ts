import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { LineWriter } from '../../src/node/line-writer.ts';

it('lines go to both places, and one that fails does not keep them from the other', () => {
  const folder = mkdtempSync(join(tmpdir(), 'gscip-lines-'));
  const path = join(folder, 'log');
  const fd = openSync(path, 'w');
  const also: string[] = [];
  try {
    const lines = new LineWriter(fd, (text) => {
      also.push(text);
      throw new Error('no room');
    });
    lines.write('one\n');
    lines.write('two\n');
    lines.flush();
    lines.flush();
    expect([readFileSync(path, 'utf8'), also]).toEqual(['one\ntwo\n', ['one\ntwo']]);
    const closed = new LineWriter(9_999, (text) => void also.push(text));
    closed.write('three\n');
    closed.flush();
    expect(also).toEqual(['one\ntwo', 'three']);
  } finally {
    closeSync(fd);
    rmSync(folder, { recursive: true });
  }
});
