import type { Server } from 'node:net';
import { GscipError } from '../base/errors.ts';

/** What is listened on, as errors name it, and what can be done where it is taken. */
export interface ListenPlace {
  /** as of `net.Server.listen` */
  readonly where: object;
  /** "port 47247" */
  readonly what: string;
  /** "use another --listen" */
  readonly elsewhere: string;
}

/** Listens, or says what it could not have, why, and what to do. */
export function listening(server: Server, { where, what, elsewhere }: ListenPlace): Promise<void> {
  return new Promise((resolve, reject) => {
    // also later: one that cannot be accepted, for want of files, must not end the server
    server.on('error', (cause) => reject(listenFailure(what, elsewhere, cause)));
    server.listen(where, resolve);
  });
}

function listenFailure(what: string, elsewhere: string, cause: Error): GscipError {
  const code = 'code' in cause ? cause.code : '';
  if (code === 'EADDRINUSE')
    return new GscipError(
      'port-in-use',
      `another program has TCP ${what}`,
      `Find it with ss -ltnp, or ${elsewhere}.`,
      cause,
    );
  if (code === 'EADDRNOTAVAIL')
    return new GscipError(
      'bad-listen',
      `this machine does not have the address to listen on: ${what}`,
      'Compare with: ip addr',
      cause,
    );
  if (code === 'EACCES')
    return new GscipError(
      'no-permission',
      `${what} may not be listened on`,
      'Run it as root, or use a port above 1023.',
      cause,
    );
  return new GscipError('socket-failed', `cannot listen on ${what}`, 'A path may have at most 107 bytes.', cause);
}
