import { setTimeout as pause } from 'node:timers/promises';
import { type Lab, withLab } from '../../src/cli/lab/lab.ts';
import type { LabProcess } from '../../src/cli/lab/lab-process.ts';
import { gscipProgram } from '../../src/cli/lab/pinned-node.ts';
import { until } from '../../src/cli/lab/until.ts';
import { type Placed, ReachWorld } from '../../test/netns/nat/reach-world.ts';
import { type Place, SERVER } from '../../test/netns/nat/sites.ts';

/** Delays in one direction, in milliseconds. */
export interface Delays {
  /** from node to node without the relay */
  readonly direct: number;
  /** from a node to the server, where coordinator and relay are */
  readonly server: number;
}

/** Two NATs and the wires between. */
export interface Scene {
  readonly a: Place;
  readonly b: Place;
  readonly delays: Delays;
}

/** Two nodes behind NATs that can be started again and again, so that they know nothing of each other's path. */
export class ReachBed {
  readonly lab: Lab;
  readonly world: ReachWorld;
  readonly a: Placed;
  readonly b: Placed;
  #again: readonly LabProcess[] = [];

  private constructor(lab: Lab, world: ReachWorld, a: Placed, b: Placed) {
    this.lab = lab;
    this.world = world;
    this.a = a;
    this.b = b;
  }

  /** Lays it, lets both nodes join, runs `body`, and takes everything down. */
  static with<T>({ a, b, delays }: Scene, body: (bed: ReachBed) => Promise<T>): Promise<T> {
    return withLab(async (lab) => {
      const world = await ReachWorld.start(lab, {});
      const sites = [await world.net.site(a, 1, {}), await world.net.site(b, 2, {})];
      for (const { wire } of sites) {
        await wire?.set({ delayMs: delays.direct / 2 });
        for (const address of [SERVER.first, SERVER.second])
          await wire?.set({ delayMs: delays.server }, 'both', address);
      }
      const [first, second] = await world.join(sites, ['a', 'b']);
      if (!first || !second) throw new Error('two sites make two nodes');
      return body(new ReachBed(lab, world, first, second));
    });
  }

  /**
   * From now on both NATs forget after so many seconds whom a flow has sent to. Nodes have the same ports after a restart: what
   * their last flow opened would still be open.
   */
  rememberFlows(seconds: number): void {
    for (const { site } of [this.a, this.b])
      for (const name of ['udp_timeout', 'udp_timeout_stream'])
        site.router?.sysctl(`net.netfilter.nf_conntrack_${name}`, String(seconds));
  }

  /** Ends both nodes and starts them with what they kept; returns when both have had time to tell the coordinator where they are. */
  async restart(): Promise<void> {
    const nodes = [this.a.node, this.b.node];
    const running = this.#again.length > 0 ? this.#again : nodes.flatMap(({ process }) => process ?? []);
    await Promise.all(running.map((each) => each.stop()));
    this.rememberFlows(NAT_SECONDS);
    this.#again = nodes.map(({ namespace, state, socket }) => {
      const words = [...gscipProgram(), 'up', '--state', state, '--socket', socket];
      return namespace.start(words, { seconds: 3_600 });
    });
    for (const node of nodes) {
      await node.ready();
      await until(`${node.name} at its server`, async () => (await node.status()).server.connected, { seconds: 30 });
    }
    await pause(REGISTERED_MS);
  }
}

const REGISTERED_MS = 3_000;
const NAT_SECONDS = 120;
