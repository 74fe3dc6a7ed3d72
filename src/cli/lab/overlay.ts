import { join } from 'node:path';
import type { ControlRequest } from '../../api/control.ts';
import type { StatusAnswer } from '../../api/status.ts';
import { ask } from '../control-client.ts';
import type { Lab } from './lab.ts';
import type { LabProcess } from './lab-process.ts';
import type { Namespace } from './namespace.ts';
import { gscipProgram, PROJECT } from './pinned-node.ts';
import { runNow } from './run-now.ts';
import { until } from './until.ts';

/** A group network in a lab, without a server: an authority in a folder, and nodes that got their bundles from it. */
export class Overlay {
  readonly #lab: Lab;
  readonly #authority: string;
  readonly nodes: OverlayNode[] = [];

  readonly #nice: string;

  /** Makes the authority and its groups. */
  constructor(lab: Lab, groups: readonly string[], { network = 'lab', saved, nice = 19 }: OverlayOptions = {}) {
    this.#lab = lab;
    this.#nice = `${nice}`;
    this.#authority = join(lab.folder, `authority-${network}`);
    if (saved !== undefined) {
      runNow('cp', ['-a', `${saved}/.`, lab.folder]);
      return;
    }
    this.authority('init', '--network', network);
    for (const group of groups) this.authority('group add', group);
  }

  /** Copies the authority and all bundles as they are, so that another lab can begin with the same network. */
  save(folder: string): void {
    runNow('cp', ['-a', this.#authority, ...this.nodes.map(({ bundle }) => bundle), folder]);
  }

  /** Runs `gscip authority VERB FOLDER …` and returns what it printed. */
  authority(verb: string, ...rest: readonly string[]): string {
    const words = ['authority', ...verb.split(' '), this.#authority, ...rest];
    const quiet = this.nodes.every(({ process }) => process?.running !== true);
    return runNow('nice', ['-n', quiet ? '0' : this.#nice, ...GSCIP, ...words]);
  }

  /** Enters a node into the roster and writes its bundle, which knows the nodes up to this one; it is not started yet. */
  add(name: string, namespace: Namespace, what: NodeOptions): OverlayNode {
    const bundle = this.#bundle(name);
    const { type = 'ges', mode = 'op', groups, address, routes = [] } = what;
    const given = [
      ...(address === undefined ? [] : ['--address', address]),
      ...(routes.length === 0 ? [] : ['--route', ...routes]),
    ];
    this.authority(
      'node add',
      name,
      '--type',
      type,
      '--mode',
      mode,
      '--groups',
      groups.join(','),
      ...given,
      '--out',
      bundle,
    );
    return this.adopt(name, namespace);
  }

  /** A node that the authority knows already, with its bundle. */
  adopt(name: string, namespace: Namespace): OverlayNode {
    const node = new OverlayNode(name, namespace, this.#bundle(name), join(this.#lab.folder, name));
    this.nodes.push(node);
    return node;
  }

  #bundle(name: string): string {
    return join(this.#lab.folder, `${name}.bundle`);
  }

  /** Rolls a group's key; nodes learn of it when their bundles are written again and read. */
  roll(group: string, activateIn?: string): void {
    this.authority('group roll', group, ...(activateIn === undefined ? [] : ['--activate-in', activateIn]));
  }

  /** Writes the bundles of all nodes again, so that each knows all others. */
  rewriteBundles(): void {
    for (const node of this.nodes) this.rewriteBundle(node);
  }

  /** Writes a node's bundle again, over the file that it was started with. */
  rewriteBundle(node: OverlayNode): void {
    this.authority('bundle', node.name, '--out', node.bundle);
  }
}

export interface OverlayOptions {
  readonly network?: string;
  /** a folder that `save` wrote: authority and bundles are there already */
  readonly saved?: string;
  /** of what the authority does while nodes run; by default 19, since traffic may be measured meanwhile */
  readonly nice?: number;
}

/** What the authority is told about a node. */
export interface NodeOptions {
  readonly groups: readonly string[];
  readonly type?: 'ges' | 'gen' | 'gea';
  readonly mode?: 'op' | 'cl';
  /** overlay address; default: the authority chooses */
  readonly address?: string;
  /** of a GEN or GEA: the networks behind it */
  readonly routes?: readonly string[];
}

/** How a node is started. */
export interface UpOptions {
  /** underlay address and port */
  readonly listen: string;
  /** peers whose underlay address is given in advance */
  readonly peers?: readonly { readonly name: string; readonly at: string }[];
  readonly mtu?: number;
  /** as it is for users; where nobody measures first packets, that second of computing is left out */
  readonly warmUp?: boolean;
  /** more words for the command line */
  readonly extra?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** a command that becomes the agent, whose words follow */
  readonly by?: readonly string[];
  /** how the program is started; by default what is built here */
  readonly program?: readonly string[];
}

/** One node: a namespace, a state folder, and a running agent. */
export class OverlayNode {
  readonly name: string;
  readonly namespace: Namespace;
  readonly bundle: string;
  readonly state: string;
  readonly socket: string;
  readonly device = 'gscip0';
  readonly #enter: readonly string[];
  #process: LabProcess | undefined;

  /** `enter`: the words that bring it into its network; by default its bundle. */
  constructor(name: string, namespace: Namespace, bundle: string, state: string, enter = ['--bundle', bundle]) {
    this.#enter = enter;
    this.name = name;
    this.namespace = namespace;
    this.bundle = bundle;
    this.state = state;
    this.socket = `${state}.sock`;
  }

  /** The agent; undefined until it was started. */
  get process(): LabProcess | undefined {
    return this.#process;
  }

  /** Starts the agent without waiting for it. */
  start(how: UpOptions): LabProcess {
    const peers = (how.peers ?? []).flatMap(({ name, at }) => ['--peer', `${name}=${at}`]);
    const mtu = how.mtu === undefined ? [] : ['--mtu', String(how.mtu)];
    const files = [...this.#enter, '--state', this.state, '--socket', this.socket];
    const words = [
      'up',
      ...files,
      '--tun',
      this.device,
      '--listen',
      how.listen,
      ...peers,
      ...mtu,
      ...(how.warmUp === true ? [] : ['--no-warm-up']),
      ...(how.extra ?? []),
    ];
    this.#process = this.namespace.start([...(how.by ?? []), ...(how.program ?? GSCIP), ...words], {
      seconds: 3600,
      env: how.env ?? {},
    });
    return this.#process;
  }

  /** Waits until the agent answers and has an address; throws what it printed when it ended instead. */
  async ready(): Promise<StatusAnswer> {
    return until(
      () => `node ${this.name}, which says: ${this.#process?.stderr().slice(-500)}`,
      async () => {
        const status = await this.status();
        return status.node.addresses.length > 0 && status;
      },
      { seconds: 90 },
    );
  }

  /** Its IPv4 address in the overlay. */
  async address(): Promise<string> {
    const { node } = await this.ready();
    const found = node.addresses.find((address) => !address.includes(':')) ?? '';
    return found.replace(/\/\d+$/, '');
  }

  ask<T extends object>(request: ControlRequest): Promise<T> {
    return ask<T>(this.socket, request);
  }

  status(): Promise<StatusAnswer> {
    return this.ask<StatusAnswer>({ verb: 'status' });
  }

  /** Forgets all flows, with `sas` also the keys of all peers and half-open negotiations. */
  async flush(sas: boolean): Promise<void> {
    await this.ask({ verb: 'pit-flush', sas });
  }

  /** Every line of `gscip metrics`, by name with labels. */
  async metrics(): Promise<Map<string, number>> {
    const { text } = await this.ask<{ readonly text: string }>({ verb: 'metrics' });
    const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
    return new Map(
      lines.map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ') + 1))]),
    );
  }
}

/** How the CLI is started here: already built, without the launcher's look whether it still is. */
const GSCIP: readonly string[] = gscipProgram();

/** Has the launcher build whatever is not up to date, so that what is measured or tested is what the sources say. */
export function ensureBuilt(): void {
  runNow(`${PROJECT}gscip`, ['version']);
}
