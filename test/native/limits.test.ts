import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { PROJECT } from '../../src/cli/lab/pinned-node.ts';
import { runNow } from '../../src/cli/lab/run-now.ts';

/** limits.cc with the addon's own slots, and a cipher that always opens. */
function runLimits(): string {
  const folder = mkdtempSync(join(tmpdir(), 'gscip-limits-'));
  try {
    const sources = ['test/native/limits.cc', 'native/slots.cc', 'native/paths.cc', 'native/fuzz/stub-aead.cc'];
    const flags = ['-std=c++17', '-O1', '-Wall', '-Wextra', '-Werror', '-fsanitize=address,undefined'];
    const program = join(folder, 'limits');
    runNow('g++', [...flags, '-o', program, ...sources.map((source) => join(PROJECT, source))]);
    return runNow(program, []);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

it('K6: the hard volume stops TX, failed opens close the lane, and no counter wraps', () =>
  expect(runLimits()).toBe(''));
