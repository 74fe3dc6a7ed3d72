import type { PathAddress } from '../../../src/base/path-address.ts';
import { parsePath } from '../../../src/base/path-address.ts';
import { RosterRoutes, type RouteTable } from '../../../src/node/roster-routes.ts';
import { prefixOf } from '../../../src/node/route-prefix.ts';
import { overlaps, type Prefix, samePrefix } from '../../../src/tun/prefix.ts';
import type { SimNode, World } from '../world.ts';

/** Routes into the overlay, as a kernel without any network of its own would keep them. */
class Table implements RouteTable {
  routes: readonly Prefix[] = [];

  used() {
    return Promise.resolve([]);
  }

  present() {
    return Promise.resolve(this.routes);
  }

  change(added: readonly Prefix[], removed: readonly Prefix[]) {
    this.routes = [...this.routes.filter((each) => !removed.some((other) => samePrefix(each, other))), ...added];
    return Promise.resolve();
  }

  answer() {
    return Promise.resolve();
  }

  routers() {
    return Promise.resolve([]);
  }

  networks() {
    return '';
  }
}

/** The kernel around a simulated node: where it sends what programs, and terminals behind it, send; and what it lets in. */
export class Machine {
  readonly node: SimNode;
  readonly #routes: RosterRoutes;
  readonly #table = new Table();
  readonly #pool: readonly Prefix[];
  readonly #isClosed: boolean;
  /** what the kernel's guard holds back by now; it changes before the routes do */
  #guarded: readonly Prefix[] = [];

  constructor(world: World, node: SimNode) {
    this.node = node;
    this.#pool = world.authority.bundle(node.name).bundle.pool.map(prefixOf);
    this.#isClosed = node.keys.self().mode === 'cl';
    const log = { log: () => undefined };
    this.#routes = new RosterRoutes(node.engine.node, this.#table, log, {
      changed: () => {
        this.#guarded = [...this.#routes.taken, ...this.#routes.strange.ranges];
        return Promise.resolve();
      },
    });
  }

  /** The routes follow what the node has learned, as after every change that it keeps. */
  follow(): Promise<void> {
    return this.#routes.follow();
  }

  /** By which way a packet leaves: into the TUN device, not at all, or in clear by the ordinary routes. */
  wayTo(destination: Uint8Array): 'overlay' | 'nowhere' | 'clear' {
    const range: Prefix = {
      family: destination.length === 4 ? 4 : 6,
      address: destination,
      length: 8 * destination.length,
    };
    const isIn = (prefixes: readonly Prefix[]) => prefixes.some((each) => overlaps(each, range));
    if (isIn([...this.#pool, ...this.#table.routes])) return 'overlay';
    return this.#isClosed || isIn(this.#guarded) ? 'nowhere' : 'clear';
  }

  /** An open node's guard lets nothing in from an address that is reached through the overlay. */
  hears(from: PathAddress): boolean {
    if (this.#isClosed) return true;
    const { family, address } = parsePath(from);
    const range: Prefix = { family, address, length: 8 * address.length };
    return ![...this.#pool, ...this.#routes.taken].some((each) => overlaps(each, range));
  }
}
