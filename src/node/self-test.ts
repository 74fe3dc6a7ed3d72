import { setFlagsFromString } from 'node:v8';
import { unixSeconds } from '../base/brands.ts';
import { GscipError } from '../base/errors.ts';
import type { EngineSettings } from './node-state.ts';
import type { PacketIo } from './packet-io.ts';
import { RandomPool } from './random-pool.ts';
import { Rehearsal } from './rehearsal.ts';

/** Rehearsals after the start, and the pause between two of them in milliseconds. */
const REHEARSALS = 40;
const PAUSE = 4;

/** The self-test at start: a handshake and flows between two throw-away nodes in memory, by the means that `io` has. */
export function selfTest(io: PacketIo, settings: EngineSettings): Rehearsal {
  const random = new RandomPool().take;
  const rehearsal = new Rehearsal(io.primitives, io.provider, random, settings, unixSeconds(Date.now() / 1000));
  if (rehearsal.play()) return rehearsal;
  throw new GscipError(
    'self-test-failed',
    'this machine does not compute what the protocol asks for: a handshake in memory failed',
    'build again with "npm run build"; if it stays so, report the CPU and the kernel',
  );
}

/**
 * Plays on in the pauses of the first seconds, so that the first real handshake runs compiled code, and keeps V8 from
 * throwing that code away on a node that is idle for long.
 */
export function warmUp(rehearsal: Rehearsal, stopped: () => boolean): void {
  setFlagsFromString('--no-flush-bytecode');
  again(rehearsal, REHEARSALS, stopped);
}

function again(rehearsal: Rehearsal, left: number, stopped: () => boolean): void {
  if (left === 0 || stopped()) {
    rehearsal.close();
    return;
  }
  rehearsal.play();
  setTimeout(() => again(rehearsal, left - 1, stopped), PAUSE);
}
