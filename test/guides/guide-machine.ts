import { spawnSync } from 'node:child_process';
import {
  chownSync,
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { basename, join } from 'node:path';
import type { Lab } from '../../src/cli/lab/lab.ts';
import type { Finished, LabProcess } from '../../src/cli/lab/lab-process.ts';
import type { Namespace } from '../../src/cli/lab/namespace.ts';
import { gscipProgram, PROJECT } from '../../src/cli/lab/pinned-node.ts';
import { until } from '../../src/cli/lab/until.ts';

/** Folders that a machine has for itself, where the host has such a folder at all. */
const OWN = ['etc', 'home', 'run', 'media', 'var/lib', 'var/log', 'var/backups'];

/** What programs read of /etc; everything else is not there. */
const ETC = 'alternatives gai.conf group host.conf ld.so.cache ld.so.conf localtime nsswitch.conf protocols services';

/** Hides the folders behind the machine's own, gives it its name, and keeps both until it is ended. */
const HOLD = `
set -eu
files=$1 project=$2 name=$3
shift 3
hostname "$name"
mkdir "$files/project" && mount --bind "$project" "$files/project"
for each do if [ -d "/$each" ]; then mount --bind "$files/$each" "/$each"; fi; done
mount --bind /etc/hosts /etc/hosts
if ! [ -e "$project/gscip" ]; then mkdir -p "$project" && mount --bind "$files/project" "$project"; fi
echo ready
exec sleep 3600
`;

const HOMES = '/home';
const HOME = `${HOMES}/alice`;
const PROGRAMS = `${HOMES}/bin`;
const USER = 1000;

/** How a command of root becomes one of a person, who can only get back by the `sudo` below; a change of user forgets whose death is fatal. */
const AS_PERSON = `setpriv --reuid=${USER} --regid=${USER} --clear-groups --inh-caps=+setuid,+setgid --ambient-caps=+setuid,+setgid`;
const AS_ROOT = 'setpriv --reuid=0 --regid=0 --clear-groups --inh-caps=-all --ambient-caps=-all';
const ENDS_WITH_LAB = 'setpriv --pdeathsig KILL';

/** Whether another user can run the program that is tested here: not in a user namespace, nor where the checkout is hidden from others. */
const HAS_PERSON =
  spawnSync('sh', ['-c', `${AS_PERSON} test -r '${PROJECT}dist/cli/main.js'`], { stdio: 'ignore' }).status === 0;
if (!HAS_PERSON) console.log('commands of guides run as root here: whether one lacks sudo is not seen');

/**
 * One machine of a guide: a network namespace, and a mount namespace in which the usual paths (/var/lib/gscip, /run/gscip,
 * /etc/hosts, …), the host name and the folder in which commands are typed are its own, so that commands run as they are written.
 * Who types is no root.
 */
export class GuideMachine {
  readonly name: string;
  readonly space: Namespace;
  readonly #files: string;
  readonly #holder: LabProcess;

  constructor(lab: Lab, space: Namespace) {
    this.name = space.label;
    this.space = space;
    this.#files = join(lab.folder, `machine-${this.name}`);
    this.#layFiles();
    space.sysctl('net.ipv4.ping_group_range', '0 2147483647'); // as systemd sets it: whoever types may ping
    const words = [this.#files, PROJECT.replace(/\/$/, ''), this.name, ...OWN];
    const apart = ['unshare', '--mount', '--uts', '--propagation', 'private'];
    this.#holder = space.start([...apart, 'sh', '-c', HOLD, 'sh', ...words], { seconds: 3600 });
  }

  /** Until commands can be run. */
  async ready(): Promise<void> {
    await until(
      () => `the folders of ${this.name}: ${this.#holder.stderr()}`,
      () => this.#holder.stdout().includes('ready'),
    );
  }

  /** Where a file of this machine lies on the host: /etc/hosts, or token.txt in the folder where commands are typed. */
  path(file: string): string {
    return join(this.#files, file.startsWith('/') ? '' : HOME, file);
  }

  read(file: string): string {
    return readFileSync(this.path(file), 'utf8');
  }

  /** Writes a file of the person who types. */
  write(file: string, text: string): void {
    writeFileSync(this.path(file), text, { mode: 0o600 });
    if (HAS_PERSON) chownSync(this.path(file), USER, USER);
  }

  /** Has a file of another machine in the home folder, brought by a way that the page leaves to its reader. */
  bring(from: GuideMachine, file: string): void {
    const copy = this.path(basename(file));
    copyFileSync(from.path(file), copy);
    if (HAS_PERSON) chownSync(copy, USER, USER);
  }

  /** Puts a program of this name before all others. */
  addProgram(name: string, text: string): void {
    writeFileSync(this.path(join(PROGRAMS, name)), `#!/bin/sh\n${text}\n`, { mode: 0o755 });
  }

  /** Starts what somebody types; `atTerminal`: what is written to it then comes from a terminal. */
  start(line: string, { atTerminal = false } = {}): LabProcess {
    const enter = ['nsenter', '--target', `${this.#holder.pid}`, '--mount', '--uts', 'env', '-C', HOME];
    const person = HAS_PERSON ? `${AS_PERSON} ${ENDS_WITH_LAB}`.split(' ') : [];
    const path = `${PROGRAMS}:${process.env['PATH']}:/usr/sbin:/sbin`;
    const env = { HOME, USER: 'alice', SHELL: '/bin/bash', PATH: path, LC_ALL: 'C.UTF-8', NODE_EXTRA_CA_CERTS: '' };
    const shell = atTerminal ? ['script', '-qec', line, '/dev/null'] : ['bash', '-o', 'pipefail', '-c', line];
    return this.space.start([...enter, ...person, ...shell], { seconds: 300, env, stdin: atTerminal });
  }

  /** Runs what somebody types to its end. */
  run(line: string): Promise<Finished> {
    return this.start(line).finished();
  }

  #layFiles(): void {
    for (const each of [...OWN, PROGRAMS, HOME]) mkdirSync(join(this.#files, each), { recursive: true });
    for (const each of ETC.split(' ').filter((name) => existsSync(`/etc/${name}`)))
      cpSync(`/etc/${each}`, this.path(`/etc/${each}`), { recursive: true, verbatimSymlinks: true });
    writeFileSync(this.path('/etc/resolv.conf'), 'nameserver 192.0.2.53\n');
    writeFileSync(
      this.path('/etc/passwd'),
      `root:x:0:0:root:/root:/bin/sh\nalice:x:${USER}:${USER}::${HOME}:/bin/sh\n`,
    );
    writeFileSync(this.path('/etc/hosts'), `127.0.0.1 localhost\n127.0.1.1 ${this.name}\n`);
    // where nobody measures first packets, that second of computing at each start is left out
    this.addProgram('gscip', `[ "$1" != up ] || set -- "$@" --no-warm-up\nexec ${gscipProgram().join(' ')} "$@"`);
    this.addProgram('sudo', `exec ${HAS_PERSON ? `${AS_ROOT} ${ENDS_WITH_LAB} ` : ''}env SUDO_USER=alice "$@"`);
    symlinkSync(join(PROGRAMS, 'gscip'), this.path('gscip'));
    if (HAS_PERSON) chownSync(this.path('.'), USER, USER);
  }
}
