import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type CliRun, run } from '../cli-run.ts';

/** What a fake server was asked. */
export interface Asked {
  readonly method: string;
  readonly path: string;
  readonly body: unknown;
}

/** A server's socket that answers every request with one object, and keeps what it was asked. */
export class FakeServer {
  readonly asked: Asked[] = [];
  readonly socket: string;
  readonly #folder: string;
  readonly #server: Server;
  answer: object = {};
  /** what is answered to this method and path, instead of `answer` */
  readonly answers = new Map<string, object>();
  status = 200;
  connections = 0;

  private constructor(folder: string) {
    this.#folder = folder;
    this.socket = join(folder, 'admin.sock');
    this.#server = createServer(async (request, response) => {
      let text = '';
      for await (const chunk of request) text += chunk;
      const { method = '', url = '' } = request;
      this.asked.push({ method, path: url, body: text === '' ? undefined : JSON.parse(text) });
      const answer = this.answers.get(`${method} ${url.replace('/api/1', '')}`) ?? this.answer;
      response.writeHead(this.status, { 'content-type': 'application/json' }).end(JSON.stringify(answer));
    });
  }

  static async start(): Promise<FakeServer> {
    const made = new FakeServer(mkdtempSync(join(tmpdir(), 'gscip-admin-')));
    made.#server.on('connection', () => {
      made.connections += 1;
    });
    await new Promise<void>((resolve) => made.#server.listen(made.socket, resolve));
    return made;
  }

  /** Runs `gscip admin WORDS` against it. */
  admin(answer: object, ...words: readonly string[]): Promise<CliRun> {
    this.answer = answer;
    return run(['admin', ...words, '--socket', this.socket]);
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
    rmSync(this.#folder, { recursive: true });
  }
}
