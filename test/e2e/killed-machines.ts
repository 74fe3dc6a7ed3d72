import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { NewToken } from '../../src/api/admin/nodes.ts';
import { type Lab, withLab } from '../../src/cli/lab/lab.ts';
import type { Namespace } from '../../src/cli/lab/namespace.ts';
import { ensureBuilt, type OverlayNode } from '../../src/cli/lab/overlay.ts';
import { runNow } from '../../src/cli/lab/run-now.ts';
import { ServedOverlay } from '../../src/cli/lab/served-overlay.ts';
import { until } from '../../src/cli/lab/until.ts';
import { seededRandom } from '../node/seeded-random.ts';
import { traces } from './machine-traces.ts';

const GROUP = 'office';
const PORT = 47247;
const LAN = '10.1.0.0/24';
const TERMINAL = '10.1.0.10';

/** The machines that are killed, each as one kind of node. */
const KINDS = {
  open: {},
  closed: { mode: 'cl' },
  router: { type: 'gen', routes: [LAN] },
} as const satisfies Record<string, Partial<NewToken>>;
type Kind = keyof typeof KINDS;
const NAMES: readonly Kind[] = ['open', 'closed', 'router'];

/** How a machine died, and what came after. */
export interface Kill {
  readonly victim: Kind;
  readonly way: 'kill -9' | 'power loss';
  /** milliseconds after its start, or after it was up */
  readonly moment: string;
  /** milliseconds from its start to answers both ways */
  readonly backMs: number;
}

/**
 * Machines with a server and a witness on one switch:
 *
 *   server .1   witness .2   open .3   closed .4   router .5 ── [lan] 10.1.0.1 ── 10.1.0.10 terminal
 *
 * One after the other dies at a moment that the seed chooses: while it starts, or later under traffic and rolls of the key. By kill -9 the
 * machine stays; by power loss it is gone with all that its kernel knew, and comes back bare. Its folder is as it was at that moment.
 */
export class KilledMachines {
  readonly #lab: Lab;
  readonly #wire: Namespace;
  readonly #terminal: Namespace;
  readonly #served: ServedOverlay;
  readonly #witness: OverlayNode;
  readonly #victims = new Map<Kind, OverlayNode>();
  /** of each machine before its node ran for the first time, and while it ran */
  readonly #before = new Map<Kind, readonly string[]>();
  readonly #running = new Map<Kind, readonly string[]>();
  readonly #random: (length: number) => Uint8Array;

  private constructor(
    lab: Lab,
    wire: Namespace,
    terminal: Namespace,
    served: ServedOverlay,
    witness: OverlayNode,
    seed: string,
  ) {
    this.#lab = lab;
    this.#wire = wire;
    this.#terminal = terminal;
    this.#served = served;
    this.#witness = witness;
    this.#random = seededRandom(`kills ${seed}`);
  }

  /** Lays everything, lets each node join, runs `body`, and looks in the end whether orderly ends leave the machines as they were. */
  static async with<T>(seed: string, body: (machines: KilledMachines) => Promise<T>): Promise<T> {
    ensureBuilt();
    return withLab(async (lab) => {
      const [server, witness, terminal] = [
        lab.namespace('server'),
        lab.namespace('witness'),
        lab.namespace('terminal'),
      ];
      const wire = lab.bridge('wire', [
        { namespace: server, device: 'eth0', addresses: ['10.99.0.1/24'] },
        { namespace: witness, device: 'eth0', addresses: ['10.99.0.2/24'] },
      ]);
      const more = ['--advertise', `10.99.0.1:${PORT}`];
      const served = await ServedOverlay.start(lab, server, `:${PORT}`, [GROUP], more);
      const seeing = await served.add('witness', witness, [GROUP]);
      seeing.start({ listen: `10.99.0.2:${PORT}` });
      const made = new KilledMachines(lab, wire, terminal, served, seeing, seed);
      for (const kind of NAMES) await made.#join(kind);
      for (const kind of NAMES) await made.#remember(kind);
      const result = await body(made);
      for (const kind of NAMES) await made.#end(kind);
      return result;
    });
  }

  /** Kills the next one, starts it again, and waits for traffic; throws where something of before is left over. */
  async kill(): Promise<Kill> {
    const victim = NAMES[this.#below(NAMES.length)] ?? 'open';
    const way = this.#below(2) === 0 ? 'kill -9' : 'power loss';
    const starting = this.#below(3) === 0;
    const delay = this.#below(starting ? 1_500 : 2_000);
    const node = this.#node(victim);
    if (starting) {
      await this.#die(node);
      this.#start(node);
    } else if (this.#below(2) === 0) await this.#roll();
    const traffic = node.namespace.start(['ping', '-q', '-i', '0.01', '-w', '5', await this.#witness.address()]);
    await pause(delay);
    await this.#die(node);
    await traffic.stop();
    if (way === 'power loss') await this.#loseMachine(victim);
    const begin = performance.now();
    this.#start(node);
    await node.ready();
    await this.#answers(victim);
    const backMs = Math.round(performance.now() - begin);
    await this.#compare(victim, `after ${way}`, this.#running.get(victim) ?? []);
    return { victim, way, moment: `${delay} ms ${starting ? 'after its start' : 'under traffic'}`, backMs };
  }

  async #join(kind: Kind): Promise<void> {
    const namespace = this.#lab.namespace(kind);
    this.#plug(kind, namespace);
    await until('settled addresses', () => !namespace.ip('addr').includes('tentative'));
    const node = await this.#served.add(kind, namespace, [GROUP], KINDS[kind]);
    this.#victims.set(kind, node);
    writeFileSync(this.#hosts(kind), `127.0.0.1 localhost\n127.0.1.1 ${kind}\n`);
    this.#before.set(kind, this.#traces(kind));
    this.#start(node);
    await node.ready();
  }

  /** What belongs to a machine whose node runs: when all have joined, and each knows the network behind the router. */
  async #remember(kind: Kind): Promise<void> {
    await this.#answers(kind);
    const { namespace } = this.#node(kind);
    const knows = () => namespace.ip('route').includes(`${LAN} dev gscip0`);
    if (kind !== 'router') await until(`the route to ${LAN} at ${kind}`, knows);
    const named = () => this.#traces(kind).filter((line) => /^hosts: .*witness/.test(line)).length === 2;
    await until(`the name of the witness at ${kind}, of both families`, named);
    this.#running.set(kind, this.#traces(kind));
  }

  /** An orderly end takes everything back; of a closed node the lock stays until it is opened. */
  async #end(kind: Kind): Promise<void> {
    const node = this.#node(kind);
    await node.ask({ verb: 'logout' });
    await node.process?.exited;
    await this.#compare(kind, 'after its end', this.#before.get(kind) ?? []);
  }

  #plug(kind: Kind, namespace: Namespace): void {
    const place = 3 + NAMES.indexOf(kind);
    const port = { namespace: this.#wire, device: `own${place}` };
    this.#lab.link({ namespace, device: 'eth0', addresses: [`10.99.0.${place}/24`] }, port);
    this.#wire.ip('link', 'set', port.device, 'master', 'br0');
    if (kind !== 'router') return;
    const terminal = { namespace: this.#terminal, device: 'eth0', addresses: [`${TERMINAL}/24`] };
    this.#lab.link({ namespace, device: 'lan', addresses: ['10.1.0.1/24'] }, terminal);
    this.#terminal.route('default', '10.1.0.1');
  }

  #start(node: OverlayNode): void {
    const own = `mount --bind ${this.#hosts(node.name)} /etc/hosts && exec "$@"`;
    node.start({ listen: `${PORT}`, by: ['unshare', '-m', 'sh', '-c', own, 'sh'] });
  }

  /** The hosts file of a machine, which outlives it. */
  #hosts(name: string): string {
    return join(this.#lab.folder, `${name}.hosts`);
  }

  #traces(kind: Kind): readonly string[] {
    return traces(this.#node(kind).namespace, ['lo', 'eth0', ...(kind === 'router' ? ['lan'] : [])], this.#hosts(kind));
  }

  async #die(node: OverlayNode): Promise<void> {
    node.process?.signal('SIGKILL');
    await node.process?.exited;
  }

  /** The machine and its kernel are gone, and come back bare. */
  async #loseMachine(kind: Kind): Promise<void> {
    const { namespace } = this.#node(kind);
    const port = `own${3 + NAMES.indexOf(kind)}`;
    runNow('ip', ['netns', 'del', namespace.name]);
    await until('the end of the machine', () => !this.#wire.hasDevice(port));
    this.#plug(kind, this.#lab.namespace(kind));
  }

  async #answers(kind: Kind): Promise<void> {
    const node = this.#node(kind);
    const pairs: (readonly [Namespace, string])[] = [
      [this.#witness.namespace, await node.address()],
      [node.namespace, await this.#witness.address()],
      ...(kind === 'router' ? [[this.#witness.namespace, TERMINAL] as const] : []),
      ...(kind === 'router' ? [[this.#terminal, await this.#witness.address()] as const] : []),
    ];
    for (const [from, to] of pairs)
      await until(
        () => `${to} to answer ${from.label}; ${kind} says: ${node.process?.stderr().slice(-800)}`,
        async () => (await from.attempt(['ping', '-c', '1', '-W', '1', to], { seconds: 5 })).code === 0,
        { seconds: 30 },
      );
  }

  async #compare(kind: Kind, when: string, wanted: readonly string[]): Promise<void> {
    const differences = () => {
      const found = this.#traces(kind);
      return [
        ...found.filter((line) => !wanted.includes(line)).map((line) => `+ ${line}`),
        ...wanted.filter((line) => !found.includes(line)).map((line) => `- ${line}`),
        ...(found.length > wanted.length ? [`${found.length} lines, not ${wanted.length}`] : []),
      ];
    };
    await until(
      () => `the machine ${kind} ${when} to be as before:\n${differences().join('\n')}`,
      () => differences().length === 0,
      { seconds: 10, everyMs: 200 },
    );
  }

  /** A roll that has to wait for an earlier one is none. */
  async #roll(): Promise<void> {
    await this.#served.admin.post(`/groups/${GROUP}/roll`).catch(() => undefined);
  }

  #node(kind: Kind): OverlayNode {
    const node = this.#victims.get(kind);
    if (!node) throw new Error(`no machine ${kind}`);
    return node;
  }

  #below(bound: number): number {
    return new DataView(this.#random(4).buffer).getUint32(0) % bound;
  }
}
