import { now } from './clocks.ts';
import type { Engine } from './engine.ts';
import type { PacketPolicy } from './packet-io.ts';

/** The engine as what decides on every packet, by this machine's clock. */
export function packetPolicy(engine: Engine, afterBatch: () => void): PacketPolicy {
  return {
    node: engine.node,
    frames: (arena, messages, count) => engine.elements.sort(arena, messages, count, now()),
    outgoing: (arena, view, packets, count) => engine.handleOutgoing(arena, view, packets, count, now()),
    incoming: (arena, view, messages, records, runs, count) =>
      engine.handleIncoming(arena, view, messages, records, runs, count, now()),
    afterBatch,
  };
}
