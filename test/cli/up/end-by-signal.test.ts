import { EventEmitter } from 'node:events';
import { expect, it } from 'vitest';
import { endBySignal, endingSignal } from '../../../src/cli/up/end-by-signal.ts';

it.each(['SIGINT', 'SIGTERM'])('%s ends a start once, and is left to its default the second time', (signal) => {
  const source = new EventEmitter();
  let told = 0;
  const end = endBySignal(() => told++, source);
  expect(end.aborted).toBe(false);
  source.emit(signal);
  expect([told, endingSignal(end), source.listenerCount(signal)]).toEqual([1, signal, 0]);
  expect(() => end.throwIfAborted()).toThrow(`it was ended by ${signal}`);
  for (const other of ['SIGINT', 'SIGTERM']) source.emit(other);
  expect([told, endingSignal(end)]).toEqual([1, signal]);
});

it('a SIGHUP during a start does nothing', () => {
  const source = new EventEmitter();
  const end = endBySignal(() => undefined, source);
  expect([source.emit('SIGHUP'), end.aborted]).toEqual([true, false]);
});
