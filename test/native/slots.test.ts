import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { PROJECT } from '../../src/cli/lab/pinned-node.ts';
import { runNow } from '../../src/cli/lab/run-now.ts';

const SLOTS = ['native/slots.cc', 'native/paths.cc', 'native/fuzz/stub-aead.cc'];

/** Runs a program over the addon's own slots and a cipher that always opens, under sanitizers; what it prints. */
function runWithSlots(program: string, sanitizers: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'gscip-slots-'));
  try {
    const sources = [`test/native/${program}`, ...SLOTS].map((source) => join(PROJECT, source));
    const flags = ['-std=c++17', '-O1', '-g', '-Wall', '-Wextra', '-Werror', '-pthread', `-fsanitize=${sanitizers}`];
    const made = join(folder, 'program');
    runNow('g++', [...flags, '-o', made, ...sources]);
    return runNow(made, []);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

it('K6: the hard volume stops TX, failed opens close the lane, and no counter wraps', () =>
  expect(runWithSlots('limits.cc', 'address,undefined')).toBe(''));

it('K1: threads that seal and open race with none that frees the slot', () =>
  expect(runWithSlots('threads.cc', 'thread')).toBe(''));
