import { type PrimitiveCounter, SA_STATS } from '../../src/base/primitives.ts';
import { numbered } from './packets.ts';
import type { SimNode, World } from './world.ts';

/** What would show that a datagram met no key, the wrong key, or a key twice. */
const LOSS_COUNTERS = ['auth-failed', 'unknown-index', 'replayed', 'no-key'] as const satisfies PrimitiveCounter[];

/** Numbered packets in both directions, one each every `every` milliseconds; returns the next number. */
export function talk(world: World, a: SimNode, b: SimNode, duration: number, every: number, first: number): number {
  let number = first;
  const end = world.now + duration;
  while (world.now < end) {
    world.send(a, numbered(a, b, number));
    world.send(b, numbered(b, a, number));
    number += 1;
    world.run(every);
  }
  return number;
}

export function upTo(end: number): number[] {
  return Array.from({ length: end }, (_, number) => number);
}

/** The counters of `LOSS_COUNTERS` of all nodes, summed by name. */
export function lossCounters(...nodes: readonly SimNode[]): Record<string, number> {
  return Object.fromEntries(
    LOSS_COUNTERS.map((name) => [name, nodes.reduce((sum, node) => sum + node.primitiveCounter(name), 0)]),
  );
}

export const NO_LOSS = Object.fromEntries(LOSS_COUNTERS.map((name) => [name, 0]));

/** The version that a node sends under to the first peer that it met. */
export function sendingVersion(node: SimNode): number | undefined {
  return node.engine.node.sas.sender(1)?.version;
}

/** Packets that a node has opened, by key version, over all SAs that `sample` ever saw. */
export class VersionTally {
  readonly #node: SimNode;
  readonly #bySa = new Map<number, { readonly version: number; readonly packets: number }>();

  constructor(node: SimNode) {
    this.#node = node;
  }

  sample(): void {
    const stats = new Float64Array(SA_STATS.length);
    for (const { local, version } of this.#node.engine.node.sas.sas())
      if (this.#node.primitives.saStats(local, stats))
        this.#bySa.set(local, { version, packets: stats[SA_STATS.rxPackets] });
  }

  packets(version: number): number {
    return [...this.#bySa.values()].reduce((sum, sa) => sum + (sa.version === version ? sa.packets : 0), 0);
  }
}
