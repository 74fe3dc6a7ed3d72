import { chmodSync, mkdirSync, rmSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { dirname } from 'node:path';
import { type ControlFailure, type ControlRequest, MAX_REQUEST, parseControlRequest } from '../api/control.ts';
import { GscipError } from '../base/errors.ts';
import { packageRelease } from './server-link/release.ts';

/** One client's request being answered. */
export interface ControlReply {
  /** settles when the client has gone, or has closed its side */
  readonly closed: Promise<undefined>;
  send(answer: object): void;
  /** bytes that wait for a client which reads more slowly than it is sent to */
  readonly waiting: number;
  /** settles when nothing waits any more, or the client has gone */
  drained(): Promise<void>;
  /** ends a stream whose client does not read, with what waits for it */
  drop(): void;
  /** ends a stream from this side */
  end(): void;
  /** the same as a call, perhaps made twice */
  onClose(listener: () => void): void;
}

/** What it returns ends the connection; undefined when all was sent before. */
export type ControlHandler = (request: ControlRequest, reply: ControlReply) => Promise<object | undefined>;

/** How long a client may take to ask, and to take what is left for it when the agent ends; in milliseconds. */
const ASKING = 5_000;
const PARTING = 500;
/** Bytes that wait for a client of a stream which does not read; one that lets more come is dropped. */
const MAX_BACKLOG = 4 << 20;

/** The socket on which a running agent answers; only its owner may open it. */
export class ControlSocket {
  readonly #server: Server;
  readonly #clients = new Set<Socket>();

  private constructor(handler: ControlHandler) {
    // Half-open, so that a client which closes its side after asking still gets its answer.
    this.#server = createServer({ allowHalfOpen: true }, (socket) => {
      this.#clients.add(socket);
      socket.once('close', () => this.#clients.delete(socket));
      serve(socket, handler);
    });
  }

  /** Listens. A socket file that nobody answers on is a leftover and replaced; one that is answered belongs to a running agent. */
  static async listen(path: string, handler: ControlHandler): Promise<ControlSocket> {
    await refuseRunning(path);
    const made = new ControlSocket(handler);
    try {
      mkdirSync(dirname(path), { recursive: true });
      rmSync(path, { force: true });
      await new Promise<void>((resolve, reject) => {
        made.#server.once('error', reject);
        made.#server.listen(path, resolve);
      });
      chmodSync(path, 0o600);
    } catch (cause) {
      made.#server.close();
      throw socketFailure(path, cause);
    }
    return made;
  }

  /** Takes the socket away, and ends every connection when what was written to it has left. */
  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    for (const client of this.#clients) client.destroySoon();
    const insist = setTimeout(() => {
      for (const client of this.#clients) client.destroy();
    }, PARTING);
    await closed;
    clearTimeout(insist);
  }
}

/** Throws when an agent answers there. */
export async function refuseRunning(path: string): Promise<void> {
  if (await answers(path))
    throw new GscipError(
      'already-running',
      `another agent answers on ${path}`,
      'stop it with "gscip down", or give this one its own --socket, --state, --tun and --listen',
    );
}

function socketFailure(path: string, cause: unknown): GscipError {
  const why = cause instanceof Error ? cause.message : String(cause);
  return new GscipError(
    'socket-failed',
    `cannot listen on ${path}: ${why}`,
    'choose another place with --socket PATH',
    cause,
  );
}

function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = connect(path);
    probe.once('connect', () => {
      probe.destroy();
      resolve(true);
    });
    probe.once('error', () => resolve(false));
  });
}

/** One request per connection: what follows its line is not looked at. */
function serve(socket: Socket, handler: ControlHandler): void {
  let buffered = '';
  const asking = setTimeout(() => socket.destroy(), ASKING);
  const ended = (): void => void socket.end();
  const heard = (chunk: string): void => {
    buffered += chunk;
    const end = buffered.indexOf('\n');
    if (end < 0 && buffered.length <= MAX_REQUEST) return;
    clearTimeout(asking);
    socket.off('data', heard).off('end', ended).resume();
    if (end < 0 || end > MAX_REQUEST)
      refuse(socket, 'too-long', 'the request is too long', `send ${MAX_REQUEST} bytes at most`);
    else void answer(socket, buffered.slice(0, end), handler);
  };
  socket.setEncoding('utf8').on('data', heard).on('end', ended);
  socket.on('error', () => socket.destroy());
  socket.once('close', () => clearTimeout(asking));
}

function refuse(socket: Socket, code: string, message: string, remedy = ''): void {
  const failure: ControlFailure = { schema: 1, error: { code, message, remedy } };
  socket.end(`${JSON.stringify(failure)}\n`);
}

async function answer(socket: Socket, line: string, handler: ControlHandler): Promise<void> {
  const request = parseControlRequest(line);
  if (request === 'verb')
    return refuse(
      socket,
      'bad-request-verb',
      `this agent, ${packageRelease()}, does not know the request`,
      OTHER_RELEASE,
    );
  if (typeof request === 'string')
    return refuse(socket, `bad-request-${request}`, `the request is not valid (${request})`, FORM);
  try {
    const last = await handler(request, replyTo(socket));
    if (socket.writableEnded) return;
    socket.end(last === undefined ? '' : `${JSON.stringify(last)}\n`);
  } catch (error) {
    if (error instanceof GscipError) return refuse(socket, error.code, error.message, error.remedy);
    refuse(socket, 'internal', 'the agent could not answer', 'see its log');
    throw error;
  }
}

const OTHER_RELEASE = 'the command is of another release: restart the agent, so that both are of one (gscip version)';
const FORM = 'send one line, as in {"verb":"status"}';

function replyTo(socket: Socket): ControlReply {
  const gone = (listener: () => void): void => void socket.once('end', listener).once('close', listener);
  return {
    closed: new Promise((resolve) => gone(() => resolve(undefined))),
    send: (object) => {
      if (socket.writableEnded || socket.destroyed) return;
      socket.write(`${JSON.stringify(object)}\n`);
      if (socket.writableLength > MAX_BACKLOG) socket.destroy();
    },
    get waiting() {
      return socket.writableLength;
    },
    drained: () =>
      new Promise((resolve) => {
        if (!socket.writableNeedDrain || socket.destroyed) return resolve();
        socket.once('drain', () => resolve()).once('close', () => resolve());
      }),
    drop: () => void socket.destroy(),
    end: () => void socket.end(),
    onClose: gone,
  };
}
