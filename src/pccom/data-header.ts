import { DATAGRAM } from '../base/datagram-kinds.ts';
import { DATA_OVERHEAD, PARTIAL_CHECKSUM_FLAG } from '../base/primitives.ts';

/*
 * Data datagram (protocol.md 4.1):
 *
 *   0      1       2      4            8            16
 *   +------+-------+------+------------+------------+-- - - --+--------+
 *   | 0x10 | flags | 0  0 | index (BE) | counter LE | sealed  | tag 16 |
 *   +------+-------+------+------------+------------+-- - - --+--------+
 */
const FLAGS = 1;
const ZEROS = 2;
const INDEX = 4;
const COUNTER_LOW = 8;
const COUNTER_HIGH = 12;

export function writeDataHeader(
  view: DataView,
  at: number,
  flags: number,
  index: number,
  high: number,
  low: number,
): void {
  view.setUint8(at, DATAGRAM.data);
  view.setUint8(at + FLAGS, flags);
  view.setUint16(at + ZEROS, 0);
  view.setUint32(at + INDEX, index);
  view.setUint32(at + COUNTER_LOW, low, true);
  view.setUint32(at + COUNTER_HIGH, high, true);
}

/** Whether a datagram of kind data may be looked at: 'short', 'bad-flags' (W1), or nothing wrong. */
export function dataHeaderFault(view: DataView, at: number, length: number): 'short' | 'bad-flags' | undefined {
  if (length < DATA_OVERHEAD) return 'short';
  const fine = (view.getUint8(at + FLAGS) & ~PARTIAL_CHECKSUM_FLAG) === 0 && view.getUint16(at + ZEROS) === 0;
  return fine ? undefined : 'bad-flags';
}

export function headerFlags(view: DataView, at: number): number {
  return view.getUint8(at + FLAGS);
}

export function headerIndex(view: DataView, at: number): number {
  return view.getUint32(at + INDEX);
}

export function headerCounterLow(view: DataView, at: number): number {
  return view.getUint32(at + COUNTER_LOW, true);
}

export function headerCounterHigh(view: DataView, at: number): number {
  return view.getUint32(at + COUNTER_HIGH, true);
}

/** What one datagram adds to the volume of its key: 16-byte blocks, plus one for the packet (protocol.md 4.2). */
export function volumeOf(plaintextLength: number): number {
  return Math.ceil(plaintextLength / 16) + 1;
}
