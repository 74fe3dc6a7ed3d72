import { setTimeout as pause } from 'node:timers/promises';
import type { GroupAnswer, RollAnswer } from '../src/api/admin/groups.ts';
import type { NewTokenAnswer } from '../src/api/admin/nodes.ts';
import { type GroupId, groupId } from '../src/base/brands.ts';
import { withLab } from '../src/cli/lab/lab.ts';
import { until } from '../src/cli/lab/until.ts';
import { TestPostgres } from '../test/server/store/postgres.ts';
import { benchMain } from './tools/bench-main.ts';
import { Crowd } from './tools/crowd.ts';
import { MeasuredServer, type ServerUse } from './tools/measured-server.ts';
import type { SimulatedNode } from './tools/simulated-node.ts';
import { short } from './tools/statistics.ts';
import { markdownTable } from './tools/table.ts';

/** Longer than any single step may take, in seconds. */
const PATIENCE = 900;

interface Options {
  readonly nodes: number;
  readonly groups: number;
  readonly each: number;
  readonly rolls: number;
  readonly idle: number;
  readonly late: number;
  readonly parallel: number;
  readonly postgres: number;
  readonly profile: number;
}

/** One thing that was done to the network, what it took and what it cost. */
interface Step extends ServerUse {
  readonly what: string;
  readonly seconds: number;
  /** nodes that it concerned */
  readonly nodes: number;
  readonly bytesDown: number;
  readonly bytesUp: number;
}

interface Group {
  readonly name: string;
  readonly id: GroupId;
  members: number;
}

class LoadRun {
  readonly steps: Step[] = [];
  readonly groups: Group[] = [];
  readonly #options: Options;
  readonly #server: MeasuredServer;
  readonly #crowd = new Crowd();

  constructor(server: MeasuredServer, options: Options) {
    this.#server = server;
    this.#options = options;
  }

  get peakMiB(): number {
    return this.#server.peakMiB;
  }

  stop(): void {
    this.#crowd.stop();
  }

  async run(): Promise<void> {
    await this.#prepare();
    await this.#join();
    await this.#stay();
    for (let roll = 0; roll < this.#options.rolls; roll++) await this.#roll(this.groups[roll % this.groups.length]);
    await this.#remove();
    await this.#restart();
    await this.#roll(this.groups[0], 'roll after the restart');
    const refused = this.#crowd.nodes.flatMap((node) => node.refused);
    if (refused.length > 0) throw new Error(`bundles were not taken: ${[...new Set(refused)].join(', ')}`);
  }

  /** Node i is in `each` groups, from group i on. */
  async #prepare(): Promise<void> {
    const { admin } = this.#server;
    const { groups, each, nodes } = this.#options;
    await admin.post('/users', { name: 'bench' });
    for (let i = 0; i < groups; i++) {
      const { id, name } = await admin.post<GroupAnswer>('/groups', { name: `g${i}`, roll: '' });
      this.groups.push({ id: groupId(id), name, members: 0 });
    }
    const tokens: string[] = [];
    for (let i = 0; i < groups; i++) {
      const names = Array.from({ length: each }, (_, k) => `g${(i + k) % groups}`);
      const request = { user: 'bench', groups: names, uses: Math.ceil(nodes / groups), ttl: 86_400 };
      tokens.push((await admin.post<NewTokenAnswer>('/tokens', request)).token);
    }
    for (let i = 0; i < nodes; i++) this.#crowd.add(tokens[i % groups] ?? '');
  }

  /** All but the late ones enrol; then they connect; then the late ones do both while the others are there. */
  async #join(): Promise<void> {
    const { late } = this.#options;
    const all = this.#crowd.nodes;
    const first = all.slice(0, all.length - late);
    await this.#step('all enrol', first.length, () => this.#inTurn(first, (node) => node.start({ andStays: false })));
    await this.#step('all connect and get all keys', first.length, async () => {
      await this.#inTurn(
        first,
        (node) => node.connect(),
        (node) => node.isConnected,
      );
      return await this.#complete(first);
    });
    await pause(2_500); // the last version of a join is in force
    if (late > 0)
      await this.#step(`${late} more join`, late, async () => {
        await this.#inTurn(all.slice(-late), (node) => node.start());
        return await this.#complete(all);
      });
    for (const group of this.groups) group.members = all.filter((node) => node.membersOf(group.id) > 0).length;
    await pause(2_500);
  }

  /** Starts nodes, so many under way at once, until all of them are where they should be. */
  async #inTurn(
    nodes: readonly SimulatedNode[],
    start: (node: SimulatedNode) => void,
    isDone = (node: SimulatedNode) => node.enrolment !== undefined,
  ): Promise<number> {
    let started = 0;
    await until(
      'nodes to join',
      () => {
        const [ended] = nodes.flatMap(({ ended: why }) => why ?? []);
        if (ended !== undefined) throw new Error(`a node was refused: ${ended}`);
        const done = nodes.slice(0, started).filter(isDone).length;
        for (; started < nodes.length && started - done < this.#options.parallel; started++) {
          const node = nodes[started];
          if (node) start(node);
        }
        return done === nodes.length;
      },
      { seconds: PATIENCE, everyMs: 5 },
    );
    return performance.now();
  }

  /** When these nodes know of each other, and of nobody else, in each of their groups. */
  async #complete(nodes: readonly SimulatedNode[]): Promise<number> {
    await until(
      'all members to have all keys',
      () => {
        const members = new Map<GroupId, number>();
        for (const node of nodes) for (const id of node.groups) members.set(id, (members.get(id) ?? 0) + 1);
        const knowsAll = (node: SimulatedNode) =>
          [...node.groups].every((id) => node.membersOf(id) === members.get(id)) &&
          node.groups.length === this.#options.each;
        return nodes.every(knowsAll);
      },
      { seconds: PATIENCE, everyMs: 20 },
    );
    return performance.now();
  }

  /** What connected nodes cost that have nothing to say but that they are there. */
  async #stay(): Promise<void> {
    const { idle } = this.#options;
    await this.#step(`${idle} s in which nothing happens`, this.#crowd.nodes.length, async () => {
      await pause(idle * 1_000);
      return performance.now();
    });
  }

  async #roll(group: Group | undefined, what = 'roll by hand'): Promise<void> {
    if (group === undefined) return;
    await this.#step(what, group.members, async () => {
      const before = this.#crowd.newest(group.id)?.version ?? 0;
      const { version } = await this.#server.admin.post<RollAnswer>(`/groups/${group.name}/roll`);
      if (version <= before) throw new Error('a roll that is not new');
      return await this.#spread(group, before);
    });
    await pause(2_500);
  }

  async #remove(): Promise<void> {
    const [gone] = this.#crowd.nodes;
    const concerned = this.groups.slice(0, this.#options.each);
    if (gone === undefined) return;
    await this.#step('removal', this.#crowd.nodes.length - 1, async () => {
      const before = concerned.map(({ id }) => this.#crowd.newest(id)?.version ?? 0);
      await this.#server.admin.delete(`/nodes/${gone.name}`);
      for (const group of concerned) group.members -= 1;
      const times = await Promise.all(concerned.map((group, i) => this.#spread(group, before[i] ?? 0)));
      return Math.max(...times);
    });
    if (gone.ended !== 'removed') throw new Error('the removed node was not told');
    gone.stop();
    this.#crowd.nodes.shift();
    await pause(2_500);
  }

  async #restart(): Promise<void> {
    const { nodes } = this.#crowd;
    const diedAt = performance.now();
    const upAt = await this.#server.restart();
    await this.#step(
      `all back after a kill; it was away for ${short((upAt - diedAt) / 1000)} s`,
      nodes.length,
      async () => {
        const look = () => nodes.every((node) => node.isConnected);
        await until('all to be back', look, { seconds: PATIENCE, everyMs: 10 });
        return performance.now();
      },
    );
    await pause(2_500);
  }

  /** When the last member of a group had its newest version. */
  async #spread(group: Group, above: number): Promise<number> {
    const spread = await until(
      () =>
        `the keys of ${group.name}, which ${this.#crowd.newest(group.id, above)?.count ?? 0} of ${group.members} have`,
      () => {
        const now = this.#crowd.newest(group.id, above);
        return now?.count === group.members && now;
      },
      { seconds: PATIENCE, everyMs: 10 },
    );
    return spread.lastAt;
  }

  /** `work` says when it was done; what the server still does in the half second behind it counts too. */
  async #step(what: string, nodes: number, work: () => Promise<number>): Promise<void> {
    await this.#server.mark();
    const [before, startedAt] = [this.#crowd.bytes(), performance.now()];
    const doneAt = await work();
    await pause(500);
    const [after, use] = [this.#crowd.bytes(), await this.#server.use()];
    const seconds = (doneAt - startedAt) / 1_000;
    this.steps.push({
      what,
      seconds,
      nodes,
      ...use,
      bytesDown: after.down - before.down,
      bytesUp: after.up - before.up,
    });
    console.error(`${what}: ${seconds.toFixed(2)} s, ${use.cpuSeconds.toFixed(2)} s of CPU`);
  }
}

function page({ nodes, groups, each, postgres }: Options, { steps, peakMiB }: LoadRun): string {
  const rows = steps.map((step) => [
    step.what,
    step.seconds.toFixed(2),
    step.cpuSeconds.toFixed(2),
    short((step.cpuSeconds / step.nodes) * 1e6),
    short(step.bytesDown / step.nodes),
    short(step.bytesUp / step.nodes),
    step.loopLateMs.toFixed(0),
    step.rssMiB.toFixed(0),
  ]);
  const head = ['step', 's', 'server CPU s', 'CPU µs/node', 'B to a node', 'B from it', 'loop late ms', 'RSS MiB'];
  const [joined] = steps;
  const rate = joined ? short(joined.nodes / joined.seconds) : '–';
  return [
    `${short(nodes)} nodes, ${groups} groups, each node in ${each}; ${postgres > 0 ? 'PostgreSQL' : 'SQLite'}.`,
    markdownTable(head, rows),
    `${rate} enrolments per second; the server's peak is ${peakMiB.toFixed(0)} MiB. Aims at 1,000 nodes: a roll within 2 s, 300 MiB.`,
  ].join('\n\n');
}

/** A server under simulated nodes: joins, rolls, a removal, and all of them coming back at once. */
await benchMain(
  {
    name: 'server',
    about: 'what a server takes for its nodes: joining, rolls of keys, a removal, a restart',
    help: {
      nodes: 'simulated nodes',
      groups: 'groups of the network',
      each: 'groups that each node is in',
      rolls: 'by hand, one group after the other',
      idle: 'seconds in which nothing happens',
      late: 'nodes that join when the others are connected',
      parallel: 'enrolments under way at once',
      postgres: '1: a PostgreSQL of its own instead of SQLite',
      profile: '1: the server writes a CPU profile to bench/results',
    },
    values: { nodes: 1_000, groups: 1, each: 1, rolls: 5, idle: 30, late: 50, parallel: 64, postgres: 0, profile: 0 },
    quick: { nodes: 50, rolls: 1, idle: 2, late: 5 },
  },
  (options) =>
    withLab(async (lab) => {
      const postgres = options.postgres > 0 ? new TestPostgres() : undefined;
      try {
        const words = postgres ? ['--database', postgres.newDatabase()] : [];
        const flags = options.profile > 0 ? ['--cpu-prof', '--cpu-prof-dir', 'bench/results'] : [];
        const server = await MeasuredServer.start(lab, words, flags);
        const run = new LoadRun(server, options);
        try {
          await run.run();
          return { results: { steps: run.steps, peakMiB: run.peakMiB }, text: page(options, run) };
        } finally {
          run.stop();
          await server.stop();
        }
      } finally {
        postgres?.remove();
      }
    }),
);
