import { unixSeconds } from '../base/brands.ts';
import { GscipError } from '../base/errors.ts';
import type { EngineSettings } from './node-state.ts';
import type { PacketIo } from './packet-io.ts';
import { RandomPool } from './random-pool.ts';
import { Rehearsal } from './rehearsal.ts';

/**
 * The self-test at start: a handshake and flows between two throw-away nodes in memory, by the means that `io` has. It can
 * be played on; the caller closes it.
 */
export function selfTest(io: PacketIo, settings: EngineSettings): Rehearsal {
  const random = new RandomPool().take;
  const rehearsal = new Rehearsal(io.primitives, io.provider, random, settings, unixSeconds(Date.now() / 1000));
  if (rehearsal.play()) return rehearsal;
  rehearsal.close();
  throw new GscipError(
    'self-test-failed',
    'this machine does not compute what the protocol asks for: a handshake in memory failed',
    'build again with "npm run build"; if it stays so, report the CPU and the kernel',
  );
}
