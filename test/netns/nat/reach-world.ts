import type { PeerStatus } from '../../../src/api/status.ts';
import type { Lab } from '../../../src/cli/lab/lab.ts';
import { ensureBuilt, type OverlayNode, type UpOptions } from '../../../src/cli/lab/overlay.ts';
import { ServedOverlay } from '../../../src/cli/lab/served-overlay.ts';
import { until } from '../../../src/cli/lab/until.ts';
import { NatWorld, SERVER, type Site } from './sites.ts';
import type { WireQuality } from './slow-link.ts';

const PORT = 47_247;
const GROUP = 'office';

/** A node and where it stands. */
export interface Placed {
  readonly site: Site;
  readonly node: OverlayNode;
}

/** How nodes are started, all alike or by their number. */
type How = Partial<UpOptions> | ((at: number) => Partial<UpOptions>);

/** The lab's Internet with a server that coordinates and relays, and nodes of one group behind NATs. */
export class ReachWorld {
  readonly net: NatWorld;
  readonly served: ServedOverlay;

  private constructor(net: NatWorld, served: ServedOverlay) {
    this.net = net;
    this.served = served;
  }

  /** Starts the server; `quality` is that of its wire. */
  static async start(lab: Lab, quality?: WireQuality, more: readonly string[] = []): Promise<ReachWorld> {
    ensureBuilt();
    const net = await NatWorld.lay(lab, quality);
    const doors = `${SERVER.first}:${PORT},[${SERVER.six}]:${PORT}`;
    const words = ['--roles', 'as,gms,dc,relay', '--advertise', doors, ...more];
    const served = await ServedOverlay.start(lab, net.server, `:${PORT}`, [{ name: GROUP, roll: '' }], words);
    return new ReachWorld(net, served);
  }

  /** Starts nodes on these sites, each with a token of its own, and waits until all are up and the keys that joining made are in use. */
  async join(sites: readonly Site[], names: readonly string[], how: How = {}): Promise<Placed[]> {
    const placed = await Promise.all(
      sites.map(async (site, at) => ({ site, node: await this.served.add(`${names[at]}`, site.host, [GROUP]) })),
    );
    for (const [at, { node }] of placed.entries())
      node.start({ listen: `${PORT}`, ...(typeof how === 'function' ? how(at) : how) });
    await Promise.all(placed.map(({ node }) => node.ready()));
    await until('one key version', () => agree(placed.map(({ node }) => node)), { seconds: 60, everyMs: 250 });
    return placed;
  }
}

/** Whether all use the same key version and wait for no newer one. */
export async function agree(nodes: readonly OverlayNode[]): Promise<boolean> {
  const groups = (await Promise.all(nodes.map((node) => node.status()))).map((status) => status.groups[0]);
  return groups.every((group) => group?.next === null && group.version === groups[0]?.version);
}

/** What a node says of another one. */
export async function peerOf(node: OverlayNode, other: OverlayNode): Promise<PeerStatus | undefined> {
  return (await node.status()).peers.find(({ name }) => name === other.name);
}
