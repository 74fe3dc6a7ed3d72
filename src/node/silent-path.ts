import type { Millis } from '../base/brands.ts';
import { FLOW } from '../base/flow-words.ts';
import { PACKET } from '../base/primitives.ts';
import { Allowance, evenly } from '../base/rate-table.ts';
import { unreachableAnswer } from '../pccom/icmp-answer.ts';
import type { NodeState } from './node-state.ts';

/** Senders are told so often each second. */
const ANSWERS_PER_SECOND = 500;
const TCP = { syn: 0x02, rst: 0x04, ack: 0x10 } as const;

/**
 * Tells TCP that its path is silent (protocol.md 6.7), so that it goes on to repeat a segment at its first interval instead of
 * doubling that each time: RFC 6069. Otherwise a connection would wait for seconds when its path is long there again.
 */
export class SilentPath {
  readonly #node: NodeState;
  #answers: Allowance | undefined;

  constructor(node: NodeState) {
    this.#node = node;
  }

  /** A packet leaves by a silent path. Only a connection that is open is told: one that opens would give up. */
  tell(arena: Uint8Array, packets: Int32Array, at: number, now: Millis): void {
    const { flow, counters, effects } = this.#node;
    if ((flow[FLOW.tcpFlags] & (TCP.ack | TCP.syn | TCP.rst)) !== TCP.ack) return;
    this.#answers ??= new Allowance(evenly(ANSWERS_PER_SECOND), now);
    if (!this.#answers.take(now)) return;
    const offset = packets[at + PACKET.offset];
    const packet = arena.subarray(offset, offset + packets[at + PACKET.length]);
    counters.add('path-silent-told');
    effects.push({ kind: 'deliver', packet: unreachableAnswer(packet) });
  }
}
