import { existsSync } from 'node:fs';
import { type IncomingMessage, request } from 'node:http';
import { ADMIN_API } from '../../api/admin/operations.ts';
import { GscipError } from '../../base/errors.ts';

/** Where a server's socket is when no `--socket` names it: that of `gscip up --new`, then that of a server on its own. */
export const ADMIN_SOCKETS = ['/var/lib/gscip/server/admin.sock', '/var/lib/gscip-server/admin.sock'] as const;

export type Method = 'GET' | 'POST' | 'PATCH' | 'DELETE';

/** Asks a server on this machine over its socket; answers have the shapes of `src/api/admin`, refusals become a GscipError. */
export class AdminClient {
  readonly #socket: string;

  constructor(socket: string | undefined) {
    this.#socket = socket ?? ADMIN_SOCKETS.find((path) => existsSync(path)) ?? ADMIN_SOCKETS[0];
  }

  get<T extends object>(path: string): Promise<T> {
    return this.#ask('GET', path, undefined);
  }

  post<T extends object>(path: string, body: object = {}): Promise<T> {
    return this.#ask('POST', path, body);
  }

  patch<T extends object>(path: string, body: object): Promise<T> {
    return this.#ask('PATCH', path, body);
  }

  delete<T extends object>(path: string): Promise<T> {
    return this.#ask('DELETE', path, undefined);
  }

  async #ask<T extends object>(method: Method, path: string, body: object | undefined): Promise<T> {
    const answer: T = await this.#send(method, path, body === undefined ? undefined : JSON.stringify(body));
    const refused = failureOf(answer);
    if (refused) throw refused;
    return answer;
  }

  #send(method: Method, path: string, body: string | undefined) {
    const headers = body === undefined ? {} : { 'content-type': 'application/json' };
    return new Promise<ReturnType<typeof JSON.parse>>((resolve, reject) => {
      // a connection of its own: one that is kept may be closed by the server just when it is used again
      const own = { socketPath: this.#socket, agent: false } as const;
      const asked = request({ ...own, path: `${ADMIN_API}${path}`, method, headers });
      asked.once('error', (cause) => reject(unreachable(this.#socket, cause)));
      asked.once('response', (response) => readAnswer(response).then(resolve, reject));
      asked.end(body);
    });
  }
}

/** A name as one part of a path. */
export function part(name: string): string {
  return encodeURIComponent(name);
}

async function readAnswer(response: IncomingMessage) {
  let text = '';
  response.setEncoding('utf8');
  for await (const chunk of response) text += chunk;
  try {
    return text === '' ? {} : JSON.parse(text);
  } catch (cause) {
    throw new GscipError(
      'server-answer',
      `the server answered with status ${response.statusCode ?? 0} and something that is not JSON`,
      'is the socket that of "gscip server"? Name another with --socket PATH',
      cause,
    );
  }
}

function failureOf(answer: object): GscipError | undefined {
  const error = 'error' in answer ? answer.error : undefined;
  if (typeof error !== 'object' || error === null) return undefined;
  const { code = '', text = '', remedy = '' }: Readonly<Record<string, unknown>> = { ...error };
  return new GscipError(String(code), String(text), String(remedy));
}

function unreachable(path: string, cause: Error): GscipError {
  const code = 'code' in cause ? cause.code : '';
  if (code === 'EACCES' || code === 'EPERM')
    return new GscipError('no-permission', `you may not use the socket ${path}`, 'run the command with sudo', cause);
  if (code === 'ENOENT' || code === 'ECONNREFUSED')
    return new GscipError(
      'not-running',
      `no server answers on ${path}`,
      'start one with "gscip server --state DIR" or "sudo gscip up --new NAME", or name its socket with --socket PATH',
      cause,
    );
  if (isNoHttp(cause)) return noServer(path, cause);
  return new GscipError('no-answer', 'the server closed the connection without an answer', 'see its log', cause);
}

/** An agent answers in lines of JSON, which Node's parser of HTTP refuses and hands on. */
function isNoHttp(cause: Error): cause is Error & { readonly rawPacket: unknown } {
  return 'code' in cause && String(cause.code).startsWith('HPE_') && 'rawPacket' in cause;
}

function noServer(path: string, { rawPacket }: { readonly rawPacket: unknown }): GscipError {
  if (String(rawPacket).startsWith('{"schema":'))
    return new GscipError(
      'other-socket',
      `${path} is the socket of a node, not of a server`,
      "name the server's with --socket PATH (admin.sock in its state folder); to ask the node: gscip status --socket PATH",
    );
  return new GscipError(
    'other-socket',
    `what answers on ${path} is no server of GSCIP`,
    'name its socket with --socket PATH',
  );
}
