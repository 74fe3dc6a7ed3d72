import type { Lab } from '../../../src/cli/lab/lab.ts';
import type { OverlayNode } from '../../../src/cli/lab/overlay.ts';
import { Network } from './network.ts';
import { Plan, type Way } from './plan.ts';

/** The path of figure 3 of the papers: a member behind a GEN of another group, and one outside. All are open. */
export class ColdPath {
  readonly network: Network;
  readonly way: Way;

  constructor(lab: Lab) {
    const plan = new Plan();
    for (const machine of ['GEN GEN OP{2}', 'GEN > GES1 GES OP{1}', 'GES2 GES OP{1}']) plan.addMachine(machine);
    this.network = new Network(lab, plan, 'lan');
    this.way = plan.way('GES1 – GEN – GES2');
  }

  /** The member behind the GEN. */
  get start(): OverlayNode {
    return this.#node(0);
  }

  get end(): OverlayNode {
    return this.#node(2);
  }

  /** Both ends forget each other: the next packet is the first of all. */
  async forget(): Promise<void> {
    await Promise.all([this.start.flush(true), this.end.flush(true)]);
  }

  #node(at: number): OverlayNode {
    const place = this.way[at];
    if (!place) throw new Error('a path of three');
    return this.network.node(place);
  }
}
