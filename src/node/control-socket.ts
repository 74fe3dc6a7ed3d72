import { chmodSync, mkdirSync, rmSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { dirname } from 'node:path';
import { type ControlFailure, type ControlRequest, MAX_REQUEST, parseControlRequest } from '../api/control.ts';
import { GscipError } from '../base/errors.ts';

/** One client's request being answered. */
export interface ControlReply {
  /** settles when the client has gone */
  readonly closed: Promise<undefined>;
  send(answer: object): void;
  /** ends a stream from this side */
  end(): void;
  onClose(listener: () => void): void;
}

export type ControlHandler = (request: ControlRequest, reply: ControlReply) => Promise<object | undefined>;

/**
 * Listens on a Unix socket that only its owner may open. A socket file that nobody answers on is a leftover and replaced;
 * one that is answered belongs to a running agent.
 */
export async function listenControl(path: string, handler: ControlHandler): Promise<Server> {
  if (await answers(path))
    throw new GscipError(
      'already-running',
      `another agent answers on ${path}`,
      'stop it with "gscip down", or give this one its own --socket and --state',
    );
  rmSync(path, { force: true });
  mkdirSync(dirname(path), { recursive: true });
  const server = createServer((socket) => serve(socket, handler));
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause) => reject(socketFailure(path, cause)));
    server.listen(path, resolve);
  });
  chmodSync(path, 0o600);
  return server;
}

function socketFailure(path: string, cause: Error): GscipError {
  return new GscipError(
    'socket-failed',
    `cannot listen on ${path}: ${cause.message}`,
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

function serve(socket: Socket, handler: ControlHandler): void {
  let buffered = '';
  socket.setEncoding('utf8');
  socket.on('error', () => socket.destroy());
  socket.on('data', (chunk: string) => {
    buffered += chunk;
    if (buffered.length > MAX_REQUEST) return refuse(socket, 'too-long', 'the request is too long');
    const end = buffered.indexOf('\n');
    if (end < 0) return;
    const line = buffered.slice(0, end);
    buffered = '';
    void answer(socket, line, handler);
  });
}

function refuse(socket: Socket, code: string, message: string, remedy = ''): void {
  const failure: ControlFailure = { schema: 1, error: { code, message, remedy } };
  socket.end(`${JSON.stringify(failure)}\n`);
}

/** One request per connection; what the handler returns ends it, what it sends before does not. */
async function answer(socket: Socket, line: string, handler: ControlHandler): Promise<void> {
  const request = parseControlRequest(line);
  if (typeof request === 'string')
    return refuse(socket, `bad-request-${request}`, `the request is not valid (${request})`);
  const reply: ControlReply = {
    closed: new Promise((resolve) => socket.once('close', () => resolve(undefined))),
    send: (object) => void (socket.destroyed || socket.write(`${JSON.stringify(object)}\n`)),
    end: () => void socket.end(),
    onClose: (listener) => void socket.once('close', listener),
  };
  try {
    const last = await handler(request, reply);
    if (last !== undefined && !socket.destroyed) socket.end(`${JSON.stringify(last)}\n`);
    else if (!socket.destroyed) socket.end();
  } catch (error) {
    if (error instanceof GscipError) return refuse(socket, error.code, error.message, error.remedy);
    refuse(socket, 'internal', 'the agent could not answer', 'see its log');
    throw error;
  }
}
