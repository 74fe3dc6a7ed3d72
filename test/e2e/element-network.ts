import type { Lab } from '../../src/cli/lab/lab.ts';
import { withLab } from '../../src/cli/lab/lab.ts';
import type { Namespace } from '../../src/cli/lab/namespace.ts';
import { ensureBuilt, type OverlayNode } from '../../src/cli/lab/overlay.ts';
import { ServedOverlay } from '../../src/cli/lab/served-overlay.ts';

const PORT = '47247';
const SERVER = '10.99.0.9';
/** The routers' group, and that of who is below and outside. */
const GROUPS = ['routers', 'staff'] as const;

/**
 * Individuals in networks behind GENs of another group; the server and a member are outside of all:
 *
 *                                   [.254] isp            [.9] server   [.3] m, staff
 *                                      │                     │            │
 *   wire 10.99.0.0/24 ──┬──────────────┴─────────────────────┴────────────┘
 *                  [wan .1] ga, routers [lan 10.1.0.1]
 *                               │
 *   10.1.0.0/24 ──┬─────────────┴──── [eth0 .10] e, staff; [eth0 .20] t, plain
 *             [wan .2] gi, routers [lan 10.1.7.1]
 *                          │
 *   10.1.7.0/24 ───────────┴── [eth0 .10] n, staff
 *
 * e has another device, which is down: eth1 10.98.0.10, behind isp, whose own address there is 10.98.0.1.
 */
export class ElementNetwork {
  readonly lab: Lab;
  readonly served: ServedOverlay;
  readonly #spaces: ReadonlyMap<string, Namespace>;
  readonly #nodes = new Map<string, OverlayNode>();

  private constructor(lab: Lab, served: ServedOverlay, spaces: ReadonlyMap<string, Namespace>) {
    this.lab = lab;
    this.served = served;
    this.#spaces = spaces;
  }

  /** Lays the network and starts the server. `routers`: they forward by ordinary routes, as what they are without GSCIP. */
  static async lay(lab: Lab, routers: 'forwarding' | 'silent'): Promise<ElementNetwork> {
    ensureBuilt();
    const spaces = new Map(
      ['isp', 'server', 'm', 'ga', 'e', 't', 'gi', 'n'].map((name) => [
        name,
        name === 'isp' || (routers === 'forwarding' && name.startsWith('g')) ? lab.router(name) : lab.namespace(name),
      ]),
    );
    const at = (name: string, device: string, address: string) => {
      const namespace = spaces.get(name);
      if (!namespace) throw new Error(`no machine ${name}`);
      return { namespace, device, addresses: [`${address}/24`] };
    };
    lab.bridge('wire', [
      at('isp', 'eth0', '10.99.0.254'),
      at('server', 'eth0', SERVER),
      at('m', 'eth0', '10.99.0.3'),
      at('ga', 'wan', '10.99.0.1'),
    ]);
    lab.bridge('floor', [
      at('ga', 'lan', '10.1.0.1'),
      at('e', 'eth0', '10.1.0.10'),
      at('t', 'eth0', '10.1.0.20'),
      at('gi', 'wan', '10.1.0.2'),
    ]);
    lab.link(at('gi', 'lan', '10.1.7.1'), at('n', 'eth0', '10.1.7.10'));
    lab.link(at('isp', 'home', '10.98.0.1'), at('e', 'eth1', '10.98.0.10'));
    spaces.get('e')?.ip('link', 'set', 'eth1', 'down');
    spaces.get('server')?.route('10.98.0.0/24', '10.99.0.254');
    const routes = { ga: '10.99.0.254', m: '10.99.0.254', e: '10.1.0.1', t: '10.1.0.1', gi: '10.1.0.1', n: '10.1.7.1' };
    for (const [name, gateway] of Object.entries(routes)) spaces.get(name)?.route('default', gateway);
    for (const name of ['isp', 'server', 'm']) spaces.get(name)?.route('10.1.0.0/16', '10.99.0.1');
    spaces.get('ga')?.route('10.1.7.0/24', '10.1.0.2');
    const server = spaces.get('server');
    if (!server) throw new Error('no server');
    const more = ['--advertise', `${SERVER}:${PORT}`];
    return new ElementNetwork(lab, await ServedOverlay.start(lab, server, `:${PORT}`, GROUPS, more), spaces);
  }

  space(name: string): Namespace {
    const found = this.#spaces.get(name);
    if (!found) throw new Error(`no machine ${name}`);
    return found;
  }

  node(name: string): OverlayNode {
    const found = this.#nodes.get(name);
    if (!found) throw new Error(`no node ${name}`);
    return found;
  }

  /** A GEN in front of these networks. */
  gen(name: string, mode: 'op' | 'cl', routes: readonly string[]): Promise<OverlayNode> {
    return this.#join(name, ['routers'], { type: 'gen', mode, routes });
  }

  /** An individual, which is told nothing but its token. */
  ges(name: string): Promise<OverlayNode> {
    return this.#join(name, ['staff'], {});
  }

  /** Takes e from the GEN's network to the one behind isp. */
  move(): void {
    const machine = this.space('e');
    machine.ip('link', 'set', 'eth0', 'down');
    machine.ip('link', 'set', 'eth1', 'up');
    machine.route('default', '10.98.0.1');
  }

  async #join(name: string, groups: readonly string[], more: object): Promise<OverlayNode> {
    const node = await this.served.add(name, this.space(name), groups, more);
    this.#nodes.set(name, node);
    node.start({ listen: PORT });
    await node.ready();
    return node;
  }
}

/** Lays the network, runs `body`, and takes everything down. */
export function withElements<T>(
  routers: 'forwarding' | 'silent',
  body: (network: ElementNetwork) => Promise<T>,
): Promise<T> {
  return withLab(async (lab) => body(await ElementNetwork.lay(lab, routers)));
}
