import { setTimeout as pause } from 'node:timers/promises';
import type { RollAnswer } from '../../src/api/admin/groups.ts';
import { type Lab, withLab } from '../../src/cli/lab/lab.ts';
import { ensureBuilt, type OverlayNode } from '../../src/cli/lab/overlay.ts';
import { ServedOverlay } from '../../src/cli/lab/served-overlay.ts';
import { drop } from '../../src/cli/lab/traffic-rules.ts';
import { until } from '../../src/cli/lab/until.ts';
import { type Received, type Receiving, startReceiver, startSending } from './seq-udp.ts';

const PORT = 47_247;
const SERVER = '10.99.0.254';
/** One flow in each group; every machine sends one and receives one. */
const FLOWS = [
  { group: 'ab', from: 'a', to: 'b' },
  { group: 'bc', from: 'b', to: 'c' },
  { group: 'ca', from: 'c', to: 'a' },
] as const;

/** Counters that a roll must not move. */
export const WATCHED = ['unknown-index', 'auth-failed', 'replayed', 'no-key'] as const;

/** What became of the datagrams of all three flows, and the watched counters of all nodes meanwhile. */
export interface Carried {
  readonly sent: number;
  /** datagrams per second that all flows reached together */
  readonly rate: number;
  readonly lost: number;
  readonly duplicates: number;
  readonly longestGapMs: number;
  readonly counters: Readonly<Record<string, number>>;
}

/**
 * A server and three machines on a switch, two of which at a time share a group: three groups, three flows.
 *
 *          a ──ab──► b
 *           ▲       │
 *           ca     bc         gms
 *            └── c ◄┘
 */
export class Triangle {
  readonly server: ServedOverlay;
  readonly #nodes: ReadonlyMap<string, OverlayNode>;

  private constructor(server: ServedOverlay) {
    this.server = server;
    this.#nodes = new Map(server.nodes.map((node) => [node.name, node]));
  }

  /** Lays it, waits until all three flows have keys, runs `body`, and takes everything down. */
  static with<T>(body: (triangle: Triangle) => Promise<T>): Promise<T> {
    return withLab(async (lab) => {
      ensureBuilt();
      const made = new Triangle(await lay(lab));
      await made.#settleJoins();
      return body(made);
    });
  }

  node(name: string): OverlayNode {
    const found = this.#nodes.get(name);
    if (!found) throw new Error(`no machine ${name}`);
    return found;
  }

  /** Rolls all three groups in one moment; the new versions. */
  async roll(): Promise<Map<string, number>> {
    const made = FLOWS.map(({ group }) => this.server.admin.post<RollAnswer>(`/groups/${group}/roll`, {}));
    return new Map((await Promise.all(made)).map(({ group, version }) => [group, version]));
  }

  /** Waits until both ends of every flow send under these versions. */
  async moved(versions: ReadonlyMap<string, number>): Promise<void> {
    await until(
      'all flows to be under the newest keys',
      async () => {
        const ends = FLOWS.flatMap(({ group, from, to }) => [this.#sends(from, group), this.#sends(to, group)]);
        const under = await Promise.all(ends);
        return FLOWS.every(({ group }, at) =>
          [under[2 * at], under[2 * at + 1]].every((version = 0) => version >= (versions.get(group) ?? 0)),
        );
      },
      { seconds: 60, everyMs: 200 },
    );
  }

  /** Lets nothing pass between a machine and the server, until the function that it returns is called. */
  cutOff(name: string): () => void {
    const { namespace } = this.node(name);
    const rules = (['input', 'output'] as const).map((hook) =>
      drop(namespace, { hook, match: `ip ${hook === 'input' ? 'saddr' : 'daddr'} ${SERVER}` }),
    );
    return () => {
      for (const rule of rules) rule.remove();
    };
  }

  /** Three flows of numbered datagrams, `rate` per second together, while `body` runs. */
  async carry(rate: number, size: number, body: () => Promise<void>): Promise<Carried> {
    const before = await this.#watched();
    const running = await Promise.all(FLOWS.map((flow) => this.#begin(flow, rate / FLOWS.length, size)));
    await body();
    const sent = await Promise.all(running.map(({ sending }) => sending.stop()));
    await pause(300);
    const received: Received[] = await Promise.all(running.map(({ receiver }) => receiver.stop()));
    const after = await this.#watched();
    const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
    const all = sum(sent.map((flow) => flow.sent));
    return {
      sent: all,
      rate: sum(sent.map((flow) => flow.rate)),
      lost: all - sum(received.map(({ distinct }) => distinct)),
      duplicates: sum(received.map(({ duplicates }) => duplicates)),
      longestGapMs: Math.max(...received.map(({ longestGapMs }) => longestGapMs)),
      counters: Object.fromEntries(WATCHED.map((name) => [name, (after[name] ?? 0) - (before[name] ?? 0)])),
    };
  }

  async #begin({ from, to }: (typeof FLOWS)[number], rate: number, size: number) {
    const address = await this.node(to).address();
    const receiver: Receiving = await startReceiver(this.node(to).namespace, address);
    return { receiver, sending: startSending(this.node(from).namespace, address, rate, size) };
  }

  /** Each join brings new versions; what is measured begins when those are in use, and first packets have gone. */
  async #settleJoins(): Promise<void> {
    for (const { from, to } of FLOWS) {
      const address = await this.node(to).address();
      const { namespace } = this.node(from);
      const words = ['ping', '-c', '1', '-W', '2', address];
      await until(`${from} to reach ${to}`, async () => (await namespace.attempt(words, { seconds: 5 })).code === 0, {
        seconds: 30,
      });
    }
    await this.moved(await this.roll());
  }

  /** Newest version that a node seals with in a group; 0 without any. */
  async #sends(name: string, group: string): Promise<number> {
    const { peers } = await this.node(name).status();
    const sas = peers.flatMap((peer) => peer.sas).filter((sa) => sa.sending && sa.group === group);
    return Math.max(0, ...sas.map(({ version }) => version));
  }

  async #watched(): Promise<Record<string, number>> {
    const all = (await Promise.all([...this.#nodes.values()].map((node) => node.metrics()))).flatMap((each) => [
      ...each,
    ]);
    const sum = (name: string) =>
      all.filter(([key]) => key.includes(`event="${name}"`)).reduce((total, [, value]) => total + value, 0);
    return Object.fromEntries(WATCHED.map((name) => [name, sum(name)]));
  }
}

async function lay(lab: Lab): Promise<ServedOverlay> {
  const names = ['gms', 'a', 'b', 'c'];
  const [office, ...machines] = names.map((name) => lab.namespace(name));
  const ends = [office, ...machines].map((namespace, at) => ({
    namespace,
    device: 'eth0',
    addresses: [`${at === 0 ? SERVER : `10.99.0.${at}`}/24`],
  }));
  lab.bridge('switch', ends);
  const groups = FLOWS.map(({ group }) => ({ name: group, roll: '' }));
  const server = await ServedOverlay.start(lab, office, `${SERVER}:${PORT}`, groups, ['--network', 'triangle']);
  for (const machine of machines) {
    const own = FLOWS.filter(({ from, to }) => from === machine.label || to === machine.label);
    await server.add(
      machine.label,
      machine,
      own.map(({ group }) => group),
    );
  }
  server.nodes.forEach((node, at) => {
    node.start({ listen: `10.99.0.${at + 1}:${PORT}`, mtu: 1_420 });
  });
  await Promise.all(server.nodes.map((node) => node.ready()));
  return server;
}
