import { expect, it } from 'vitest';
import { runProgram } from './run-program.ts';

it('T3: a packet from TUN is described by our own parse, and refused where the kernel tells otherwise', () =>
  expect(runProgram('tun-packet.cc', ['tun.cc', 'inner.cc', 'coalesce.cc', 'devices.cc'])).toBe(''));
