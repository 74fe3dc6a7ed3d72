import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import type { ServerStatus } from '../../api/admin/operations.ts';
import type { HealthLine } from '../../api/status.ts';
import { GscipError } from '../../base/errors.ts';
import type { Logger } from '../../base/log.ts';
import { AdminClient } from '../admin/admin-client.ts';
import { gscipProgram } from '../lab/pinned-node.ts';
import { Restarts } from './restarts.ts';

/** How the server beside a node is started. */
export interface ServerProcessOptions {
  /** state folder of the server */
  readonly state: string;
  readonly listen: string;
  readonly logLevel: string;
  /** name of the network, when it is made now */
  readonly network?: string | undefined;
  readonly pool?: string | undefined;
}

/** How long a server may take to answer after its start, and how long to end when it is asked to, in milliseconds. */
const START_BOUND = 30_000;
const GRACE = 5_000;
/** How often it looks whether a starting server answers. */
const PAUSE = 25;

/**
 * The server of this machine, as a process of its own beside the node: started again when it dies, ended with the node.
 * It holds the other end of its standard input, so it also ends when the node is killed.
 */
export class ServerProcess {
  readonly admin: AdminClient;
  readonly #options: ServerProcessOptions;
  readonly #log: Logger;
  readonly #restarts = new Restarts();
  #child: ChildProcess | undefined;
  #timer: NodeJS.Timeout | undefined;
  #ended = Promise.withResolvers<void>();
  #stopping = false;
  #trouble: HealthLine | undefined;

  private constructor(options: ServerProcessOptions, log: Logger) {
    this.#options = options;
    this.#log = log;
    this.admin = new AdminClient(join(options.state, 'admin.sock'));
  }

  /** Starts it and waits until it answers; throws when it ends instead, or `end` breaks that off. */
  static async start(options: ServerProcessOptions, log: Logger, end: AbortSignal): Promise<ServerProcess> {
    const made = new ServerProcess(options, log);
    made.#spawn();
    try {
      await made.#answering(end);
      return made;
    } catch (error) {
      await made.stop();
      throw error;
    }
  }

  /** A line for `gscip status` while the server is not there. */
  health(): readonly HealthLine[] {
    return this.#trouble === undefined ? [] : [this.#trouble];
  }

  /** Asks it to end and returns once it has. */
  async stop(): Promise<void> {
    this.#stopping = true;
    clearTimeout(this.#timer);
    const child = this.#child;
    if (child === undefined) return;
    child.kill('SIGTERM');
    const insist = setTimeout(() => child.kill('SIGKILL'), GRACE);
    await this.#ended.promise;
    clearTimeout(insist);
  }

  #spawn(): void {
    const { state, listen, logLevel, network, pool } = this.#options;
    const words = ['server', '--state', state, '--listen', listen, '--log-level', logLevel, '--attached'];
    const first = [
      ...(network === undefined ? [] : ['--network', network]),
      ...(pool === undefined ? [] : ['--pool', pool]),
    ];
    // a session of its own: Ctrl-C is for the node, which then ends it in order
    const [node = '', ...program] = gscipProgram();
    const child = spawn(node, [...program, ...words, ...first], {
      stdio: ['pipe', 'ignore', 'inherit'],
      detached: true,
    });
    this.#child = child;
    this.#ended = Promise.withResolvers<void>();
    this.#restarts.started(performance.now());
    child.once('error', (error) => this.#onEnd(error.message));
    child.once('exit', (code, signal) => this.#onEnd(signal ?? `exit code ${code ?? 1}`));
  }

  #onEnd(why: string): void {
    if (this.#child === undefined) return;
    this.#child = undefined;
    this.#ended.resolve();
    if (this.#stopping) return;
    const delay = this.#restarts.ended(performance.now());
    this.#trouble = {
      code: 'server-stopped',
      text: `the server of this machine ended (${why}) and is being started again; the network goes on meanwhile, but nobody can join and no key rolls: see the log`,
    };
    this.#log.log('error', 'server-ended', { why, againInSeconds: delay / 1000 });
    this.#timer = setTimeout(() => {
      this.#spawn();
      this.#answering().then(
        () => {
          this.#trouble = undefined;
          this.#log.log('info', 'server-back', {});
        },
        () => undefined, // it ended again, which has been told
      );
    }, delay);
  }

  /** Settles when the server answers, or fails when this start of it has come to nothing. */
  async #answering(end?: AbortSignal): Promise<void> {
    const child = this.#child;
    for (const until = performance.now() + START_BOUND; ; ) {
      try {
        await this.admin.get<ServerStatus>('/status');
        return;
      } catch (error) {
        end?.throwIfAborted();
        if (this.#child !== child || child === undefined)
          throw new GscipError('server-failed', 'the server ended while it started', 'its last lines above say why');
        if (performance.now() > until) throw error;
        await new Promise((resolve) => setTimeout(resolve, PAUSE));
      }
    }
  }
}
