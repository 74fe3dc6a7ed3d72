import { cpSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { Lab } from '../../src/cli/lab/lab.ts';
import type { Finished, LabProcess } from '../../src/cli/lab/lab-process.ts';
import type { Namespace } from '../../src/cli/lab/namespace.ts';
import { runNow } from '../../src/cli/lab/run-now.ts';
import { until } from '../../src/cli/lab/until.ts';
import { fileList } from './file-list.ts';

/** What a login of root has, and nothing of the machine that tests. */
const ENVIRONMENT = [
  'env',
  '-i',
  'PATH=/usr/sbin:/usr/bin:/sbin:/bin',
  'HOME=/root',
  'LC_ALL=C.UTF-8',
  'DEBIAN_FRONTEND=noninteractive',
];

/** A Debian of its own in a namespace of a lab: a file system, in which programs run with or without its systemd. */
export class DebianMachine {
  readonly root: string;
  readonly namespace: Namespace;
  readonly #lab: Lab;
  #boot: LabProcess | undefined;
  #leader: number | undefined;

  /** `base` is copied: what happens here stays here. */
  constructor(lab: Lab, namespace: Namespace, base: string, packages: readonly string[]) {
    this.#lab = lab;
    this.namespace = namespace;
    this.root = join(lab.folder, `${namespace.label}-root`);
    runNow('cp', ['-a', base, this.root]);
    for (const file of packages) cpSync(file, join(this.root, 'srv', basename(file)));
  }

  /** Starts a program in it: by its systemd's side where that runs, else in a bare chroot. */
  start(words: readonly string[], seconds = 120): LabProcess {
    const enter =
      this.#leader === undefined
        ? ['unshare', '-m', '--propagation', 'private', 'sh', '-ec', CHROOT, this.root]
        : ['nsenter', '-t', `${this.#leader}`, '-m', '-u', '-i', '-n', '-p'];
    return this.namespace.start([...enter, ...ENVIRONMENT, ...words], { seconds });
  }

  attempt(...words: readonly string[]): Promise<Finished> {
    return this.start(words).finished();
  }

  /** Its standard output; throws all that it said when it failed. */
  async run(...words: readonly string[]): Promise<string> {
    const { code, stdout, stderr } = await this.attempt(...words);
    if (code !== 0) throw new Error(`${words.join(' ')} ended with ${code}: ${stdout}${stderr}`);
    return stdout;
  }

  /** Like `run`, with the network of the machine that tests. */
  async outside(...words: readonly string[]): Promise<void> {
    const command = [
      'unshare',
      '-m',
      '--propagation',
      'private',
      'sh',
      '-ec',
      CHROOT,
      this.root,
      ...ENVIRONMENT,
      ...words,
    ];
    const { code, stdout, stderr } = await this.#lab.start(null, command, { seconds: 300 }).finished();
    if (code !== 0) throw new Error(`${words.join(' ')} ended with ${code}: ${stdout}${stderr}`);
  }

  /** Boots its systemd, and waits until that has started what belongs to the boot. */
  async boot(): Promise<void> {
    this.#boot = this.#lab.start(
      null,
      [
        'systemd-nspawn',
        '--quiet',
        '--boot',
        '--console=pipe',
        '--register=no',
        '--keep-unit',
        `--network-namespace-path=/run/netns/${this.namespace.name}`,
        '--bind=/dev/net/tun',
        '--property=DeviceAllow=/dev/net/tun rw',
        '--capability=CAP_NET_ADMIN,CAP_NET_RAW,CAP_SYS_ADMIN',
        `--directory=${this.root}`,
      ],
      { seconds: 900 },
    );
    this.#leader = await until(
      () => `the first process of ${this.root}, which says: ${this.#boot?.stdout().slice(-500)}${this.#boot?.stderr()}`,
      () => firstProcess(this.#boot?.pid ?? 0),
    );
    await until(
      'the boot',
      async () => {
        const { stdout } = await this.attempt('systemctl', 'is-system-running');
        return ['running', 'degraded'].includes(stdout.trim());
      },
      { seconds: 60, everyMs: 200 },
    );
  }

  /** Shuts it down in order. */
  async shutDown(): Promise<void> {
    await this.attempt('systemctl', 'poweroff');
    await this.#boot?.exited;
    this.#boot = undefined;
    this.#leader = undefined;
  }

  files(): readonly string[] {
    return fileList(this.root);
  }

  /** What the kernel has for it: rules, routes, tables, links. */
  network(): string {
    return networkOf(this.namespace);
  }
}

/** Rules, routes, tables and links of a network namespace. */
export function networkOf(namespace: Namespace): string {
  const links = namespace
    .ip('-o', 'link', 'show')
    .split('\n')
    .map((line) => line.split(':')[1]);
  const routes = [namespace.ip('route', 'show', 'table', 'all'), namespace.ip('-6', 'route', 'show', 'table', 'all')];
  return [links.join(), ...routes, namespace.ip('rule'), namespace.now('nft', ['list', 'ruleset'])].join('\n');
}

/** $0 is the root of the machine. */
const CHROOT = 'mount --rbind /dev "$0/dev"; mount -t proc proc "$0/proc"; exec chroot "$0" "$@"';

/** The process below this one that is number 1 where it lives. */
function firstProcess(pid: number): number | undefined {
  const list = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim();
  for (const child of list === '' ? [] : list.split(' ').map(Number)) {
    const numbers = /^NSpid:\s+(.*)$/m.exec(readFileSync(`/proc/${child}/status`, 'utf8'))?.[1]?.split(/\s+/) ?? [];
    if (numbers.length > 1 && numbers.at(-1) === '1') return child;
    const found = firstProcess(child);
    if (found !== undefined) return found;
  }
  return undefined;
}
