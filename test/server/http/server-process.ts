import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { Agent, request as httpsRequest } from 'node:https';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { RunningServer, ServerOptions } from '../../../src/server/server.ts';

const SCRIPT = fileURLToPath(new URL('run-server.ts', import.meta.url));

export interface Answer {
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;
  readonly text: string;
}

/** A server that runs in a process of its own. */
export class ServerProcess {
  readonly child: ChildProcess;
  readonly facts: Omit<RunningServer, 'close'>;
  /** everything that it logged */
  readonly log: string[];
  readonly #agent = new Agent({ rejectUnauthorized: false, keepAlive: false });

  private constructor(child: ChildProcess, facts: Omit<RunningServer, 'close'>, log: string[]) {
    this.child = child;
    this.facts = facts;
    this.log = log;
  }

  static async start(options: Partial<ServerOptions> & { readonly state: string }): Promise<ServerProcess> {
    const child = spawn(process.execPath, [SCRIPT, JSON.stringify({ listen: '127.0.0.1:0', ...options })], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const log: string[] = [];
    createInterface({ input: child.stderr }).on('line', (line) => log.push(line));
    const first = once(createInterface({ input: child.stdout }), 'line');
    const ended = once(child, 'exit').then(() => Promise.reject(new Error(`the server ended: ${log.join('\n')}`)));
    const [line] = await Promise.race([first, ended]);
    ended.catch(() => undefined);
    return new ServerProcess(child, JSON.parse(line), log);
  }

  /** Over the local socket. */
  local(method: string, path: string, body?: object): Promise<Answer> {
    return ask((options) => httpRequest({ ...options, socketPath: this.facts.socket }), method, path, body, {});
  }

  /** Over TLS, with an API key or without. */
  remote(method: string, path: string, key?: string, body?: object): Promise<Answer> {
    const headers = key === undefined ? {} : { authorization: `Bearer ${key}` };
    const { port } = this.facts;
    const at = { host: '127.0.0.1', port, agent: this.#agent };
    return ask((options) => httpsRequest({ ...options, ...at }), method, path, body, headers);
  }

  /** Ends it by a signal; gives its exit code. */
  async end(signal: NodeJS.Signals = 'SIGTERM'): Promise<number | null> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return this.child.exitCode;
    const exit = once(this.child, 'exit');
    this.child.kill(signal);
    await exit;
    return this.child.exitCode;
  }
}

type Options = { readonly method: string; readonly path: string; readonly headers: Record<string, string> };

async function ask(
  send: (options: Options) => ReturnType<typeof httpRequest>,
  method: string,
  path: string,
  body: object | undefined,
  headers: Record<string, string>,
): Promise<Answer> {
  const json = body === undefined ? {} : { 'content-type': 'application/json' };
  const request = send({ method, path, headers: { ...headers, ...json } });
  request.end(body === undefined ? undefined : JSON.stringify(body));
  const [response]: IncomingMessage[] = await once(request, 'response');
  let text = '';
  for await (const chunk of response) text += String(chunk);
  return { status: response.statusCode ?? 0, text, body: text.startsWith('{') ? JSON.parse(text) : {} };
}
