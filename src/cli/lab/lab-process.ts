import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { GscipError } from '../../base/errors.ts';

/** How a process of a lab is started. */
export interface ProcessOptions {
  /** the process is ended after this many seconds, whatever it does (default 120) */
  readonly seconds?: number;
  readonly env?: Readonly<Record<string, string>>;
  /** true keeps its standard input open for `write`; otherwise it reads end of file */
  readonly stdin?: boolean;
}

/** What a process that ran to its end left. `code` is null when a signal ended it. */
export interface Finished {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** How long a process may take to obey SIGTERM. */
const GRACE_MS = 3000;

/**
 * A process that a lab started: bounded in time, its output kept in files, ended by its PID alone.
 * It dies with the process that started it, also when that one is killed.
 */
export class LabProcess {
  readonly label: string;
  readonly pid: number;
  /** resolves when it has ended; null after a signal */
  readonly exited: Promise<number | null>;
  readonly #child: ChildProcess;
  readonly #outFile: string;
  readonly #errFile: string;
  readonly #bound: NodeJS.Timeout;
  #running = true;

  /** `namespace` null runs it where the caller is. `files` is the path that its two output files begin with. */
  constructor(
    namespace: string | null,
    command: readonly string[],
    label: string,
    files: string,
    options: ProcessOptions,
  ) {
    this.label = label;
    this.#outFile = `${files}.out`;
    this.#errFile = `${files}.err`;
    const out = openSync(this.#outFile, 'w');
    const err = openSync(this.#errFile, 'w');
    const enter = namespace === null ? [] : ['nsenter', `--net=/run/netns/${namespace}`];
    this.#child = spawn('setpriv', ['--pdeathsig', 'KILL', ...enter, ...command], {
      stdio: [options.stdin === true ? 'pipe' : 'ignore', out, err],
      env: { ...process.env, ...options.env },
    });
    closeSync(out);
    closeSync(err);
    if (this.#child.pid === undefined) {
      this.#child.once('error', () => {}); // the reason comes a turn later; without a listener it would end the program
      throw new GscipError('lab-process', `cannot start ${label}`, 'install util-linux (setpriv, nsenter)');
    }
    this.pid = this.#child.pid;
    this.#bound = setTimeout(() => this.#child.kill('SIGKILL'), (options.seconds ?? 120) * 1000);
    this.exited = new Promise((resolve) => {
      this.#child.once('error', () => this.#ended(null, resolve));
      this.#child.once('exit', (code) => this.#ended(code, resolve));
    });
  }

  get running(): boolean {
    return this.#running;
  }

  stdout(): string {
    return readFileSync(this.#outFile, 'utf8');
  }

  stderr(): string {
    return readFileSync(this.#errFile, 'utf8');
  }

  /** Sends text to its standard input (started with `stdin: true`). */
  write(text: string): void {
    this.#child.stdin?.write(text);
  }

  /** Closes its standard input. */
  endInput(): void {
    this.#child.stdin?.end();
  }

  signal(name: NodeJS.Signals): void {
    if (this.#running) this.#child.kill(name);
  }

  /** Waits for its end and returns everything it printed. */
  async finished(): Promise<Finished> {
    const code = await this.exited;
    return { code, stdout: this.stdout(), stderr: this.stderr() };
  }

  /** Asks it to end, insists after three seconds, and returns once it is gone. */
  async stop(): Promise<void> {
    this.signal('SIGTERM');
    const insist = setTimeout(() => this.signal('SIGKILL'), GRACE_MS);
    await this.exited;
    clearTimeout(insist);
  }

  #ended(code: number | null, resolve: (code: number | null) => void): void {
    this.#running = false;
    clearTimeout(this.#bound);
    resolve(code);
  }
}
