import type { Lab } from '../../src/cli/lab/lab.ts';
import { withLab } from '../../src/cli/lab/lab.ts';
import type { Namespace } from '../../src/cli/lab/namespace.ts';
import { ensureBuilt, Overlay, type OverlayNode, type UpOptions } from '../../src/cli/lab/overlay.ts';

const PORT = 47247;
const GROUP = 'office';

/** One site: a plain terminal and the router in front of it. */
export interface Site {
  readonly terminal: Namespace;
  readonly router: Namespace;
  readonly node: OverlayNode;
  readonly v4: string;
  readonly v6: string;
}

/**
 * Two networks of plain machines behind a GEN each, and a member of its own, on one outer wire:
 *
 *   ta [10.1.0.10, fd01::10] ── [lan] ga [wan .1] ──┐
 *                                                   wire 10.99.0.0/24 ── [eth0 .3] m, a GES
 *   tb [10.2.0.10, fd02::10] ── [lan] gb [wan .2] ──┘      gb has all of 10.2.0.0/16, of which 10.2.0.0/24 is on its lan
 */
export class Gateways {
  readonly lab: Lab;
  readonly overlay: Overlay;
  readonly a: Site;
  readonly b: Site;
  readonly member: OverlayNode;
  /** the outer wire */
  readonly wire: Namespace;

  constructor(lab: Lab, mode: 'op' | 'cl' = 'op') {
    ensureBuilt();
    this.lab = lab;
    this.overlay = new Overlay(lab, [GROUP], { nice: 0 });
    this.a = this.#site('a', 1, mode);
    this.b = this.#site('b', 2, mode);
    const machine = lab.namespace('m');
    this.member = this.overlay.add('m', machine, { groups: [GROUP] });
    this.wire = lab.bridge('wire', [
      { namespace: this.a.router, device: 'wan', addresses: ['10.99.0.1/24', 'fd99::1/64'] },
      { namespace: this.b.router, device: 'wan', addresses: ['10.99.0.2/24', 'fd99::2/64'] },
      { namespace: machine, device: 'eth0', addresses: ['10.99.0.3/24', 'fd99::3/64'] },
    ]);
    this.overlay.rewriteBundles();
  }

  /** How one of the three is started, knowing where the others are. */
  how(node: OverlayNode, more: Partial<UpOptions> = {}): UpOptions {
    const at = new Map(this.#nodes().map((each, place) => [each, `10.99.0.${place + 1}:${PORT}`]));
    const peers = this.#nodes()
      .filter((each) => each !== node)
      .map((each) => ({ name: each.name, at: at.get(each) ?? '' }));
    return { listen: at.get(node) ?? '', peers, ...more };
  }

  /** Starts all three agents and waits until they answer. */
  async up(more: Partial<UpOptions> = {}): Promise<void> {
    for (const node of this.#nodes()) node.start(this.how(node, more));
    await Promise.all(this.#nodes().map((node) => node.ready()));
  }

  #nodes(): readonly OverlayNode[] {
    return [this.a.node, this.b.node, this.member];
  }

  #site(letter: 'a' | 'b', place: number, mode: 'op' | 'cl'): Site {
    const { lab } = this;
    const terminal = lab.namespace(`t${letter}`);
    const router = lab.namespace(`g${letter}`);
    const [v4, v6] = [`10.${place}.0`, `fd0${place}:`];
    lab.link(
      { namespace: terminal, device: 'eth0', addresses: [`${v4}.10/24`, `${v6}:10/64`] },
      { namespace: router, device: 'lan', addresses: [`${v4}.1/24`, `${v6}:1/64`] },
    );
    terminal.route('default', `${v4}.1`);
    terminal.route('default', `${v6}:1`);
    const routes = [letter === 'a' ? '10.1.0.0/24' : '10.2.0.0/16', `${v6}:/64`];
    const what = { type: 'gen', mode, groups: [GROUP], routes } as const;
    return { terminal, router, node: this.overlay.add(`g${letter}`, router, what), v4: `${v4}.10`, v6: `${v6}:10` };
  }
}

/** Lays the network, runs `body`, and takes everything down. `mode`: of both GENs. */
export function withGateways<T>(body: (network: Gateways) => Promise<T>, mode: 'op' | 'cl' = 'op'): Promise<T> {
  return withLab((lab) => body(new Gateways(lab, mode)));
}
