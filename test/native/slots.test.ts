import { expect, it } from 'vitest';
import { runProgram } from './run-program.ts';

/** The addon's own slots, with a cipher that always opens. */
const SLOTS = ['slots.cc', 'paths.cc', 'fuzz/stub-aead.cc'];

it('K6: the hard volume stops TX, failed opens close the lane, and no counter wraps', () =>
  expect(runProgram('limits.cc', SLOTS)).toBe(''));

it('K1: threads that seal and open race with none that frees the slot', () =>
  expect(runProgram('threads.cc', SLOTS, 'thread')).toBe(''));

it('a key has a context of libcrypto from its first use on, shares it where there are too many, and takes it along', () =>
  expect(runProgram('contexts.cc', ['aead.cc'])).toBe(''));

it('a replay window that grows with its counters says what one of full size would', () =>
  expect(runProgram('window.cc', [])).toBe(''));
