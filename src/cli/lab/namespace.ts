import { GscipError } from '../../base/errors.ts';
import type { Finished, LabProcess, ProcessOptions } from './lab-process.ts';
import { runNow } from './run-now.ts';

/** Starts a process in the named namespace; given by the lab, which ends it later. */
export type StartProcess = (namespace: string, command: readonly string[], options: ProcessOptions) => LabProcess;

/** One network namespace of a lab, made to look like one machine. */
export class Namespace {
  /** short name inside the lab */
  readonly label: string;
  /** name under /run/netns */
  readonly name: string;
  readonly #start: StartProcess;

  constructor(label: string, name: string, start: StartProcess) {
    this.label = label;
    this.name = name;
    this.#start = start;
    this.ip('link', 'set', 'lo', 'up');
  }

  /** Runs a short configuration command at once and returns what it printed. */
  now(command: string, args: readonly string[], input = ''): string {
    return runNow('nsenter', [`--net=/run/netns/${this.name}`, command, ...args], input);
  }

  ip(...args: readonly string[]): string {
    return runNow('ip', ['-n', this.name, ...args]);
  }

  /** Adds addresses with prefix length; IPv6 is usable at once, without duplicate address detection. */
  addresses(device: string, list: readonly string[]): void {
    for (const address of list)
      this.ip('addr', 'add', address, 'dev', device, ...(address.includes(':') ? ['nodad'] : []));
  }

  /** Adds a route by its gateway; the destination may be `default`, of either family. */
  route(destination: string, via: string): void {
    this.ip(via.includes(':') ? '-6' : '-4', 'route', 'add', destination, 'via', via);
  }

  sysctl(key: string, value: string): void {
    this.now('sysctl', ['-qw', `${key}=${value}`]);
  }

  hasDevice(device: string): boolean {
    return (
      this.ip('-o', 'link', 'show').includes(`: ${device}:`) || this.ip('-o', 'link', 'show').includes(`: ${device}@`)
    );
  }

  /** Starts a process that goes on until it ends by itself, is stopped, or the lab closes. */
  start(command: readonly string[], options: ProcessOptions = {}): LabProcess {
    return this.#start(this.name, command, options);
  }

  /** Runs a process to its end, whatever its exit code. */
  attempt(command: readonly string[], options: ProcessOptions = {}): Promise<Finished> {
    return this.start(command, options).finished();
  }

  /** Runs a process to its end and returns its standard output; throws what it said when it failed. */
  async run(command: readonly string[], options: ProcessOptions = {}): Promise<string> {
    const done = await this.attempt(command, options);
    if (done.code === 0) return done.stdout;
    const said = done.stderr.trim() || done.stdout.trim() || 'nothing was printed';
    throw new GscipError(
      'lab-command',
      `${command.join(' ')} in ${this.label} ended with ${done.code ?? 'a signal'}: ${said}`,
    );
  }
}
