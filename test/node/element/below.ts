import type { PathAddress } from '../../../src/base/path-address.ts';
import { type SimNode, World } from '../world.ts';

/**
 * Networks behind GENs. What is inside of one reaches its own network and the GEN, which has one address for both of its
 * sides; a GEN below another one is inside of that. Nothing crosses a GEN by itself: what would is lost.
 */
export class Below {
  readonly world: World;
  /** datagrams between networks that are not joined */
  readonly lost: string[] = [];
  /** the names of the networks that a node is in: a GEN's own and the one that it is below */
  readonly #networks = new Map<PathAddress, readonly string[]>();

  constructor(seed: string) {
    this.world = new World(seed);
    this.world.authority.group('office');
    this.world.authority.group('routers');
    this.world.wire = ({ from, to, bytes }) => {
      const [a, b] = [this.#networks.get(from) ?? [], this.#networks.get(to) ?? []];
      if (a.some((network) => b.includes(network))) return undefined;
      this.lost.push(`${from} > ${to} ${bytes[0]}`);
      return [];
    };
  }

  /** A GES in the network behind a GEN, or outside of all. */
  ges(
    name: string,
    path: string,
    over: SimNode | undefined,
    groups: readonly string[] = ['office'],
    mode: 'op' | 'cl' = 'op',
  ): SimNode {
    this.world.authority.add(name, groups, [], mode);
    return this.#join(name, path, over, []);
  }

  /** A GEN, by default in no group of the GES. */
  gen(
    name: string,
    path: string,
    over: SimNode | undefined,
    routes: string,
    mode: 'op' | 'cl' = 'op',
    groups: readonly string[] = ['routers'],
  ): SimNode {
    this.world.authority.add(name, groups, [routes], mode);
    return this.#join(name, path, over, [name]);
  }

  /** Lets each of them ask its default gateway, from outside to inside. */
  settle(...nodes: readonly (readonly [SimNode, SimNode])[]): void {
    for (const [node, gateway] of nodes) {
      node.engine.elements.seek([gateway.path], this.world.now);
      this.world.launch(node, node.carryOut());
      this.world.run(100);
    }
    this.world.seen.length = 0;
  }

  /** Everybody else takes this node to be where the outermost GEN over it is. */
  isSeenAt(node: SimNode, outermost: SimNode): void {
    const { id } = node.keys.self();
    for (const other of this.world.all()) {
      if (other === node) continue;
      other.engine.node.paths.peer(id).hints = [];
      other.engine.node.paths.hint(id, outermost.path);
    }
  }

  /** Kinds of the DPRP datagrams from one address to another so far, frames taken off. */
  kinds(from: SimNode, to: SimNode): number[] {
    const between = this.world.seen.filter((datagram) => datagram.from === from.path && datagram.to === to.path);
    return between.map(({ bytes }) => (bytes[0] === 0x20 ? bytes[8] : bytes[0]));
  }

  #join(name: string, path: string, over: SimNode | undefined, own: readonly string[]): SimNode {
    const node = this.world.node(name, path);
    const outer = over === undefined ? 'outside' : over.name;
    this.#networks.set(node.path, [outer, ...own]);
    return node;
  }
}
