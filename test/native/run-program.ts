import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PROJECT } from '../../src/cli/lab/pinned-node.ts';
import { runNow } from '../../src/cli/lab/run-now.ts';

/** Node's own, with those of its libcrypto. */
const HEADERS = join(PROJECT, `node_modules/node-linux-${process.arch}/include/node`);
const FLAGS = ['-std=c++17', '-O1', '-g', '-Wall', '-Wextra', '-Werror', '-pthread'];

/** Compiles a program of this folder with sources of `native/` under sanitizers and runs it; what it prints. Throws when it fails. */
export function runProgram(program: string, natives: readonly string[], sanitizers = 'address,undefined'): string {
  const folder = mkdtempSync(join(tmpdir(), 'gscip-program-'));
  try {
    const sources = [`test/native/${program}`, ...natives.map((name) => `native/${name}`)];
    const made = join(folder, 'program');
    runNow('g++', [
      ...FLAGS,
      '-isystem',
      HEADERS,
      `-fsanitize=${sanitizers}`,
      '-o',
      made,
      ...sources.map((source) => join(PROJECT, source)),
    ]);
    return runNow(made, []);
  } finally {
    rmSync(folder, { recursive: true });
  }
}
