import type { NewToken } from '../../src/api/admin/nodes.ts';
import { type Lab, withLab } from '../../src/cli/lab/lab.ts';
import type { Finished } from '../../src/cli/lab/lab-process.ts';
import type { Namespace } from '../../src/cli/lab/namespace.ts';
import { ensureBuilt, type OverlayNode } from '../../src/cli/lab/overlay.ts';
import { ServedOverlay } from '../../src/cli/lab/served-overlay.ts';
import { until } from '../../src/cli/lab/until.ts';
import { GROUP, GSCIP, gscip, PORT, pings } from './two-nodes.ts';

/** Machines on one switch; nothing runs in them yet. The first has 10.99.0.1. */
export class Machines {
  readonly lab: Lab;
  readonly #spaces: ReadonlyMap<string, Namespace>;

  constructor(lab: Lab, names: readonly string[]) {
    ensureBuilt();
    this.lab = lab;
    this.#spaces = new Map(names.map((name) => [name, lab.namespace(name)]));
    lab.bridge(
      'switch',
      names.map((name) => ({ namespace: this.space(name), device: 'eth0', addresses: [`${this.ip(name)}/24`] })),
    );
  }

  space(name: string): Namespace {
    const found = this.#spaces.get(name);
    if (!found) throw new Error(`no machine ${name}`);
    return found;
  }

  ip(name: string): string {
    return `10.99.0.${[...this.#spaces.keys()].indexOf(name) + 1}`;
  }

  at(name: string): string {
    return `${this.ip(name)}:${PORT}`;
  }
}

/** Machines of which "server" runs a server with the group `GROUP`; the others may join. */
export class ServedNodes {
  readonly machines: Machines;
  readonly served: ServedOverlay;

  constructor(machines: Machines, served: ServedOverlay) {
    this.machines = machines;
    this.served = served;
  }

  /** Starts the node of a machine with a token of its own, and waits until it is up. */
  async join(name: string, more: Partial<NewToken> = {}): Promise<OverlayNode> {
    const node = await this.served.add(name, this.machines.space(name), [GROUP], more);
    node.start({ listen: this.machines.at(name) });
    await node.ready();
    return node;
  }

  /** Starts a node again that ran before. */
  async again(node: OverlayNode): Promise<void> {
    node.namespace.start([...GSCIP, 'up', '--state', node.state, '--socket', node.socket], { seconds: 300 });
    await node.ready();
  }

  /** Runs `gscip admin …` at the server. */
  admin(...words: readonly string[]): Promise<Finished> {
    return gscip(this.machines.space('server'), 'admin', ...words, '--socket', this.served.socket);
  }
}

/** Lays the machine "server" and others, starts the server, runs `body`, and takes everything down. */
export function withServer<T>(names: readonly string[], body: (nodes: ServedNodes) => Promise<T>): Promise<T> {
  return withLab(async (lab) => {
    const machines = new Machines(lab, ['server', ...names]);
    const more = ['--advertise', machines.at('server')];
    const served = await ServedOverlay.start(lab, machines.space('server'), `:${PORT}`, [GROUP], more);
    return body(new ServedNodes(machines, served));
  });
}

/** Until each reaches each through the overlay. */
export async function reachEachOther(nodes: readonly OverlayNode[]): Promise<void> {
  for (const from of nodes)
    for (const to of nodes)
      if (from !== to) await until(`${from.name} reaching ${to.name}`, () => pings(from, to, 4, 1), { seconds: 20 });
}

/** The newest version of a group that a node knows, in force or not. */
export async function newestVersion(node: OverlayNode, group = GROUP): Promise<number> {
  const { groups } = await node.status();
  const found = groups.find(({ name }) => name === group);
  return Math.max(found?.version ?? 0, found?.next ?? 0);
}
