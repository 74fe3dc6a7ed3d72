import { describe, expect, it } from 'vitest';
import { withLab } from '../../src/cli/lab/lab.ts';
import type { OverlayNode } from '../../src/cli/lab/overlay.ts';
import { ServedOverlay } from '../../src/cli/lab/served-overlay.ts';
import { until } from '../../src/cli/lab/until.ts';
import { frozenProgram, frozenReleases } from './frozen-release.ts';
import { Machines, newestVersion, reachEachOther } from './served-nodes.ts';
import { GROUP, GSCIP, PORT } from './two-nodes.ts';

type Program = readonly string[];

/** A server of one release with a node of an older one and a node of this one. */
class Mixed {
  readonly machines: Machines;
  readonly served: ServedOverlay;
  readonly nodes: readonly OverlayNode[];

  private constructor(machines: Machines, served: ServedOverlay, nodes: readonly OverlayNode[]) {
    this.machines = machines;
    this.served = served;
    this.nodes = nodes;
  }

  /** Both nodes join by a token each. */
  static async with(server: Program, older: Program, body: (mixed: Mixed) => Promise<void>): Promise<void> {
    await withLab(async (lab) => {
      const machines = new Machines(lab, ['server', 'old', 'new']);
      const more = ['--advertise', machines.at('server')];
      const served = await ServedOverlay.start(lab, machines.space('server'), `:${PORT}`, [GROUP], more, server);
      const join = async (name: string, program: Program) => {
        const node = await served.add(name, machines.space(name), [GROUP]);
        node.start({ listen: machines.at(name), program });
        expect((await node.ready()).dataPath.primitives).toBe('addon'); // of its own release
        return node;
      };
      await body(new Mixed(machines, served, [await join('old', older), await join('new', GSCIP)]));
    });
  }

  /** Rolls the key, and waits until both nodes talk under the new one. */
  async rolls(): Promise<void> {
    const versions = () => Promise.all(this.nodes.map((node) => newestVersion(node)));
    const [before = 0] = await versions();
    await this.served.admin.post(`/groups/${GROUP}/roll`);
    await until('the new version at both', async () => (await versions()).every((version) => version > before));
    await reachEachOther(this.nodes);
  }

  /** Ends a node as a power cut would, and starts it over its folder. */
  async restart(node: OverlayNode, program: Program): Promise<void> {
    node.process?.signal('SIGKILL');
    await node.process?.exited;
    node.start({ listen: this.machines.at(node.name), program });
    await node.ready();
  }
}

/** The server has spoken with each of them lately. */
async function isLinked(node: OverlayNode): Promise<boolean> {
  const { server } = await node.status();
  return server.connected;
}

it('there is a frozen release to run against', () => expect(frozenReleases()).not.toEqual([]));

describe.each(frozenReleases())('this release beside %s', (version) => {
  const frozen = frozenProgram(version);

  it('serves its nodes: they join, talk with nodes of this release, and follow a roll', () =>
    Mixed.with(GSCIP, frozen, async (mixed) => {
      await reachEachOther(mixed.nodes);
      await mixed.rolls();
    }));

  it('is served by its server; takes over its database and the folder of its node; and gives both back', () =>
    Mixed.with(frozen, frozen, async (mixed) => {
      const { served, nodes } = mixed;
      const [old] = nodes;
      await reachEachOther(nodes);
      for (const program of [GSCIP, frozen]) {
        await mixed.rolls(); // what they know of each other is in their folders then
        await served.server.kill();
        await mixed.restart(old, program);
        await reachEachOther(nodes); // from what its folder holds: there is no server
        await served.server.restart(program);
        for (const node of nodes) await until(`${node.name} at the server`, () => isLinked(node));
      }
      await mixed.rolls();
    }));
});
