import { connect } from 'node:net';
import type { ControlRequest } from '../api/control.ts';
import { GscipError } from '../base/errors.ts';
import { packageRelease } from '../node/server-link/release.ts';

export const DEFAULT_SOCKET = '/run/gscip/gscip.sock';

/** Asks the running agent one thing and returns its answer, whose shape T is the API's; a refusal becomes a GscipError. */
export async function ask<T extends object>(socketPath: string, request: ControlRequest): Promise<T> {
  let last: T | undefined;
  await watch<T>(socketPath, request, (answer) => {
    last = answer;
  });
  if (!last) throw new GscipError('no-answer', 'the agent closed the connection without an answer', 'see its log');
  return last;
}

/** Asks for a stream: every line goes to `each` until the agent or `stop` ends it. */
export function watch<T extends object>(
  socketPath: string,
  request: ControlRequest,
  each: (answer: T) => void,
  stop?: AbortSignal,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect(socketPath);
    let buffered = '';
    stop?.addEventListener('abort', () => socket.destroy(), { once: true });
    socket.setEncoding('utf8');
    socket.once('connect', () => socket.write(`${JSON.stringify(request)}\n`));
    socket.once('error', (cause: NodeJS.ErrnoException) => reject(notRunning(socketPath, cause)));
    socket.on('data', (chunk: string) => {
      buffered += chunk;
      for (let end = buffered.indexOf('\n'); end >= 0; end = buffered.indexOf('\n')) {
        const line = buffered.slice(0, end);
        buffered = buffered.slice(end + 1);
        const answer = parsed<T>(line);
        const failure = answer ? (newerAgent(answer) ?? failureOf(answer)) : noAgent(socketPath, line);
        if (!answer || failure) {
          socket.destroy();
          return reject(failure);
        }
        if (stop?.aborted) return;
        try {
          each(answer);
        } catch (error) {
          socket.destroy();
          return reject(error);
        }
      }
    });
    socket.once('close', () => resolve());
  });
}

/** Undefined where the line is no answer of an agent's. */
function parsed<T extends object>(line: string): T | undefined {
  try {
    const value: T | null = JSON.parse(line);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** What answers is something else: a server speaks HTTP. */
function noAgent(path: string, line: string): GscipError {
  if (line.startsWith('HTTP/'))
    return new GscipError(
      'other-socket',
      `${path} is the socket of a server, not of a node`,
      `name the node's with --socket PATH (most often ${DEFAULT_SOCKET}); to ask the server: gscip admin --help`,
    );
  return new GscipError(
    'other-socket',
    `what answers on ${path} is no agent of GSCIP`,
    'name its socket with --socket PATH',
  );
}

/** The schema of answers that this command reads. */
const SCHEMA = 1;

function newerAgent(answer: object): GscipError | undefined {
  if (!('schema' in answer) || typeof answer.schema !== 'number' || answer.schema <= SCHEMA) return undefined;
  return new GscipError(
    'agent-newer',
    `the agent answers in schema ${answer.schema}, this command, ${packageRelease()}, reads schema ${SCHEMA}`,
    'use the gscip of the release that the agent was started with',
  );
}

function failureOf(answer: object): GscipError | undefined {
  const error = 'error' in answer ? answer.error : undefined;
  if (typeof error !== 'object' || error === null) return undefined;
  const { code, message, remedy } = { code: '', message: '', remedy: '', ...error };
  return new GscipError(String(code), String(message), String(remedy));
}

function notRunning(path: string, cause: NodeJS.ErrnoException): GscipError {
  if (cause.code === 'EACCES' || cause.code === 'EPERM')
    return new GscipError(
      'no-permission',
      `you may not talk to the agent on ${path}`,
      'run the command with sudo',
      cause,
    );
  return new GscipError(
    'not-running',
    `no agent answers on ${path}`,
    'start one with "sudo gscip up", or name its socket with --socket PATH',
    cause,
  );
}
