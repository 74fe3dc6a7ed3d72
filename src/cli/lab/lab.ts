import { randomBytes } from 'node:crypto';
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { GscipError } from '../../base/errors.ts';
import { LabProcess, type ProcessOptions } from './lab-process.ts';
import { labFolder, labName } from './leftovers.ts';
import { Namespace } from './namespace.ts';
import { prepareNetnsFolder } from './netns-folder.ts';
import { tryNow } from './run-now.ts';

/** One end of a link: the device that appears in a namespace, and its addresses with prefix length. */
export interface LinkEnd {
  readonly namespace: Namespace;
  readonly device: string;
  readonly addresses?: readonly string[];
}

/** What a link looks like. */
export interface LinkOptions {
  readonly mtu?: number;
  /** `whole` (default): a veth as it is hands super-packets over uncut; `frames`: one MTU-sized frame at a time, as on a network card */
  readonly wire?: 'whole' | 'frames';
}

/** A folder, some namespaces and the processes in them, all of which end with the lab. */
export class Lab {
  /** scratch folder, removed when the lab closes */
  readonly folder: string;
  readonly #name = labName(randomBytes(3).toString('hex'));
  readonly #namespaces = new Map<string, Namespace>();
  readonly #processes = new Set<LabProcess>();
  readonly #onExit = (): void => this.#closeNow();
  readonly #onSignal = (signal: NodeJS.Signals): void => {
    this.#closeNow();
    process.off(signal, this.#onSignal);
    process.kill(process.pid, signal); // ends as it would have ended without us
  };
  #started = 0;
  #closed = false;

  constructor() {
    prepareNetnsFolder();
    this.folder = labFolder(this.#name);
    mkdirSync(this.folder, { mode: 0o700 });
    process.on('exit', this.#onExit);
    for (const signal of SIGNALS) process.on(signal, this.#onSignal);
  }

  /** A new namespace: a machine with a loopback device and nothing else. */
  namespace(label: string): Namespace {
    const name = `${this.#name}.${label}`;
    if (!tryNow('ip', ['netns', 'add', name]))
      throw new GscipError('lab-namespace', `cannot make the namespace ${name}`);
    const made = new Namespace(label, name, (where, command, options) => this.start(where, command, options));
    this.#namespaces.set(label, made);
    return made;
  }

  /** A namespace that forwards IPv4 and IPv6. */
  router(label: string): Namespace {
    const made = this.namespace(label);
    made.sysctl('net.ipv4.ip_forward', '1');
    made.sysctl('net.ipv6.conf.all.forwarding', '1');
    return made;
  }

  /** Joins two namespaces by a veth pair. */
  link(a: LinkEnd, b: LinkEnd, options: LinkOptions = {}): void {
    a.namespace.ip('link', 'add', a.device, 'type', 'veth', 'peer', 'name', b.device, 'netns', b.namespace.name);
    for (const end of [a, b]) {
      const { namespace, device } = end;
      namespace.sysctl(`net.ipv6.conf.${device}.accept_dad`, '0');
      namespace.addresses(device, end.addresses ?? []);
      namespace.ip('link', 'set', device, 'mtu', String(options.mtu ?? 1500), 'up');
      if (options.wire === 'frames') {
        namespace.now('ethtool', ['-K', device, 'tso', 'off', 'gso', 'off', 'tx-udp-segmentation', 'off', 'gro', 'on']);
      }
    }
  }

  /** Joins any number of namespaces by a switch, which is a namespace of its own. */
  bridge(label: string, ends: readonly LinkEnd[], options: LinkOptions = {}): Namespace {
    const made = this.namespace(label);
    made.ip('link', 'add', 'br0', 'type', 'bridge');
    made.ip('link', 'set', 'br0', 'up');
    ends.forEach((end, port) => {
      this.link(end, { namespace: made, device: `port${port}` }, options);
      made.ip('link', 'set', `port${port}`, 'master', 'br0');
    });
    return made;
  }

  /** Starts a process; null as the namespace is where the caller runs. */
  start(namespace: string | null, command: readonly string[], options: ProcessOptions = {}): LabProcess {
    if (this.#closed) throw new GscipError('lab-closed', `the lab is closed: ${command.join(' ')}`);
    const label = `${++this.#started}-${(command[0] ?? '').replace(/.*\//, '')}`;
    const started = new LabProcess(namespace, command, label, join(this.folder, label), options);
    this.#processes.add(started);
    void started.exited.then(() => this.#processes.delete(started));
    return started;
  }

  /** Ends every process of the lab by its PID, removes the namespaces, then the folder. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await Promise.all([...this.#processes].map((each) => each.stop()));
    this.#remove();
  }

  #closeNow(): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const each of this.#processes) each.signal('SIGKILL');
    this.#remove();
  }

  #remove(): void {
    process.off('exit', this.#onExit);
    for (const signal of SIGNALS) process.off(signal, this.#onSignal);
    for (const each of this.#namespaces.values()) tryNow('ip', ['netns', 'del', each.name]);
    rmSync(this.folder, { recursive: true, force: true });
  }
}

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** Opens a lab, runs `body` in it and closes it, whatever happens. */
export async function withLab<T>(body: (lab: Lab) => Promise<T>): Promise<T> {
  const lab = new Lab();
  try {
    return await body(lab);
  } finally {
    await lab.close();
  }
}
