import { join } from 'node:path';
import type { ServerStatus } from '../../api/admin/operations.ts';
import { AdminClient } from '../admin/admin-client.ts';
import type { Lab } from './lab.ts';
import type { LabProcess } from './lab-process.ts';
import type { Namespace } from './namespace.ts';
import { gscipProgram } from './pinned-node.ts';
import { until } from './until.ts';

const GSCIP: readonly string[] = gscipProgram();

/** One process of `gscip server` in a lab; it can be killed and started again over the same state folder. */
export class LabServer {
  readonly admin: AdminClient;
  readonly state: string;
  readonly socket: string;
  readonly #namespace: Namespace;
  readonly #words: readonly string[];
  #program: readonly string[];
  #process: LabProcess;

  private constructor(
    lab: Lab,
    name: string,
    namespace: Namespace,
    listen: string,
    more: readonly string[],
    program: readonly string[],
  ) {
    this.state = join(lab.folder, name);
    this.socket = join(this.state, 'admin.sock');
    this.admin = new AdminClient(this.socket);
    this.#namespace = namespace;
    this.#program = program;
    this.#words = ['server', '--state', this.state, '--listen', listen, ...more];
    this.#process = this.#start();
  }

  /**
   * Starts it and waits until it answers. `name` is that of its state folder, in the folder of the lab; `program` is how
   * GSCIP is started.
   */
  static async start(
    lab: Lab,
    name: string,
    namespace: Namespace,
    listen: string,
    more: readonly string[] = [],
    program = GSCIP,
  ): Promise<LabServer> {
    const made = new LabServer(lab, name, namespace, listen, more, program);
    await made.#answers();
    return made;
  }

  get process(): LabProcess {
    return this.#process;
  }

  /** Ends it as a power cut would, and returns when it is gone. */
  async kill(): Promise<void> {
    this.#process.signal('SIGKILL');
    await this.#process.exited;
  }

  /** Starts it again, after `kill`; from now on as `program`. */
  async restart(program = this.#program): Promise<void> {
    this.#program = program;
    this.#process = this.#start();
    await this.#answers();
  }

  #start(): LabProcess {
    return this.#namespace.start([...this.#program, ...this.#words], { seconds: 3600 });
  }

  async #answers(): Promise<void> {
    await until(
      () => `the server, which says: ${this.#process.stderr().slice(-500)}`,
      () => this.admin.get<ServerStatus>('/status'),
      { seconds: 30 },
    );
  }
}
