import { setFlagsFromString } from 'node:v8';
import { runInThisContext } from 'node:vm';
import { expect, it } from 'vitest';
import { ByteReader } from '../../src/base/byte-reader.ts';
import { nodeProvider } from '../../src/crypto/node-provider.ts';
import { SymmetricState } from '../../src/crypto/noise-symmetric.ts';
import { collectGarbage } from '../../src/node/collect-garbage.ts';
import { keepShapes } from '../../src/node/kept-shapes.ts';

setFlagsFromString('--allow-natives-syntax');
const optimize: (run: () => void) => void = runInThisContext(
  '(run) => { %PrepareFunctionForOptimization(run); run(); run(); %OptimizeFunctionOnNextCall(run); run(); }',
);
/** Bit 4 of V8's status: the function has machine code of an optimising compiler (runtime.h, kOptimized). */
const isOptimized: (run: () => void) => boolean = runInThisContext('(run) => (%GetOptimizationStatus(run) & 16) !== 0');

/** Works with an object of its own that is gone when it returns. */
function read(): void {
  new ByteReader(new Uint8Array(4)).u32();
}

function mix(): void {
  const state = new SymmetricState(nodeProvider, 'test');
  state.mixKey(new Uint8Array(32));
  state.clone().wipe();
}

it.each([
  ['a reader', read],
  ['a transcript', mix],
])('machine code that works with %s outlives the last of them', (_, run) => {
  keepShapes(nodeProvider);
  optimize(run);
  expect(isOptimized(run)).toBe(true);
  for (let time = 0; time < 8; time++) collectGarbage();
  expect(isOptimized(run)).toBe(true);
});
