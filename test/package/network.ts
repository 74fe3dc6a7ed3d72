import { type Lab, withLab } from '../../src/cli/lab/lab.ts';
import type { Namespace } from '../../src/cli/lab/namespace.ts';
import type { OverlayNode } from '../../src/cli/lab/overlay.ts';
import { ServedOverlay } from '../../src/cli/lab/served-overlay.ts';
import { Machines } from '../e2e/served-nodes.ts';
import { GROUP, PORT } from '../e2e/two-nodes.ts';

/** A network with a server and a member, and a place beside them for a machine that is in none yet. */
export interface Network {
  readonly lab: Lab;
  readonly other: OverlayNode;
  readonly place: Namespace;
  /** with which one machine may join */
  readonly token: string;
}

export function withNetwork<T>(body: (network: Network) => Promise<T>): Promise<T> {
  return withLab(async (lab) => {
    const machines = new Machines(lab, ['server', 'other', 'box']);
    const more = ['--advertise', machines.at('server')];
    const served = await ServedOverlay.start(lab, machines.space('server'), `:${PORT}`, [GROUP], more);
    const other = await served.add('other', machines.space('other'), [GROUP]);
    other.start({ listen: machines.at('other') });
    await other.ready();
    const { token } = await served.token([GROUP], { uses: 1 });
    return body({ lab, other, place: machines.space('box'), token });
  });
}
