import { request } from 'node:http';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { ServerStatus } from '../../src/api/admin/operations.ts';
import { AdminClient } from '../../src/cli/admin/admin-client.ts';
import type { Lab } from '../../src/cli/lab/lab.ts';
import type { LabProcess } from '../../src/cli/lab/lab-process.ts';
import { gscipProgram } from '../../src/cli/lab/pinned-node.ts';
import { until } from '../../src/cli/lab/until.ts';
import { cpuSeconds, residentMiB } from './process-cost.ts';

/** What a server has used since it was looked at last, and what it holds. */
export interface ServerUse {
  readonly cpuSeconds: number;
  readonly rssMiB: number;
  /** the longest that its event loop was late */
  readonly loopLateMs: number;
}

/** A `gscip server` in a process of its own, on the loopback device; what it costs is read from outside. */
export class MeasuredServer {
  readonly admin: AdminClient;
  readonly #lab: Lab;
  readonly #state: string;
  readonly #words: readonly string[];
  /** a profile is only written in an orderly end */
  readonly #death: NodeJS.Signals;
  #process: LabProcess;
  #cpuBefore = 0;
  #peak = 0;

  private constructor(lab: Lab, port: number, words: readonly string[], flags: readonly string[]) {
    this.#lab = lab;
    this.#state = join(lab.folder, 'server');
    this.admin = new AdminClient(this.socket);
    const listen = ['--listen', `127.0.0.1:${port}`, '--log-level', 'error'];
    this.#words = [...gscipProgram(...flags), 'server', '--state', this.#state, ...listen, ...words];
    this.#death = flags.length > 0 ? 'SIGTERM' : 'SIGKILL';
    this.#process = this.#start();
  }

  /** `words`: more of the command line. `flags`: for Node, as `--cpu-prof`. */
  static async start(lab: Lab, words: readonly string[] = [], flags: readonly string[] = []): Promise<MeasuredServer> {
    const made = new MeasuredServer(lab, await freePort(), words, flags);
    await made.#answering();
    return made;
  }

  get socket(): string {
    return join(this.#state, 'admin.sock');
  }

  /** Most that it held so far, over restarts, in MiB. */
  get peakMiB(): number {
    this.#peak = Math.max(this.#peak, residentMiB(this.#process.pid, 'VmHWM') || 0);
    return this.#peak;
  }

  /** Starts the count of `use` anew. */
  async mark(): Promise<void> {
    await this.#lateness();
    this.#cpuBefore = cpuSeconds(this.#process.pid);
  }

  async use(): Promise<ServerUse> {
    const used = cpuSeconds(this.#process.pid) - this.#cpuBefore;
    return { cpuSeconds: used, rssMiB: residentMiB(this.#process.pid, 'VmRSS'), loopLateMs: await this.#lateness() };
  }

  /** Dies without a word, and is started again on the same port; gives when it answered. */
  async restart(): Promise<number> {
    void this.peakMiB;
    this.#process.signal(this.#death);
    await this.#process.exited;
    this.#process = this.#start();
    this.#cpuBefore = 0;
    await this.#answering();
    return performance.now();
  }

  stop(): Promise<void> {
    return this.#process.stop();
  }

  #start(): LabProcess {
    return this.#lab.start(null, this.#words, { seconds: 3_600 });
  }

  async #answering(): Promise<void> {
    await until(
      () => `the server, which says: ${this.#process.stderr().slice(-500)}`,
      () => this.admin.get<ServerStatus>('/status'),
      { seconds: 30, everyMs: 5 },
    );
  }

  /** The server forgets its value when it is read. */
  async #lateness(): Promise<number> {
    const text = await metricsOf(this.socket);
    const found = /^gscip_server_loop_delay_seconds\{quantile="1"\} (\S+)$/m.exec(text);
    return Number(found?.[1]) * 1_000;
  }
}

async function metricsOf(socketPath: string): Promise<string> {
  const asked = request({ socketPath, path: '/metrics' });
  const chunks: string[] = [];
  return await new Promise((resolve, reject) => {
    asked.once('error', reject);
    asked.once('response', (response) => {
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => chunks.push(chunk));
      response.once('end', () => resolve(chunks.join('')));
    });
    asked.end();
  });
}

async function freePort(): Promise<number> {
  const probe = createServer();
  await new Promise<void>((resolve) => probe.listen(0, '127.0.0.1', resolve));
  const address = probe.address();
  await new Promise((resolve) => probe.close(resolve));
  await pause(1);
  return typeof address === 'object' && address !== null ? address.port : 0;
}
