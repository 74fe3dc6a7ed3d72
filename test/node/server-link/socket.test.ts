import { createServer, type Server } from 'node:https';
import { type AddressInfo, createServer as createTcpServer, type Server as TcpServer } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { WebSocketServer } from 'ws';
import { unixSeconds } from '../../../src/base/brands.ts';
import { LinkSocket } from '../../../src/node/server-link/link-socket.ts';
import { newTlsKey, selfSigned } from '../../../src/server/tls-certificate.ts';

const open: (Server | TcpServer)[] = [];
afterEach(() => {
  for (const server of open.splice(0)) server.close();
});

/** Listens on the loopback, with a certificate that nobody vouches for; sends back what comes. */
async function echo(text?: string): Promise<string> {
  const key = newTlsKey();
  const server = createServer({ key, cert: await selfSigned(key, ['elsewhere.test'], unixSeconds(1_700_000_000)) });
  const sockets = new WebSocketServer({ server, path: '/node/1' });
  sockets.on('connection', (socket) => {
    if (text !== undefined) socket.send(text);
    socket.on('message', (data) => socket.send(data));
  });
  return listening(server);
}

function listening(server: Server | TcpServer): Promise<string> {
  open.push(server);
  return new Promise((resolve) =>
    server.listen(0, '127.0.0.1', () => resolve(`127.0.0.1:${portOf(server.address())}`)),
  );
}

function portOf(address: string | AddressInfo | null): number {
  return typeof address === 'object' && address !== null ? address.port : 0;
}

/** The first thing that comes of a connection. */
function first(address: string, frames: readonly Uint8Array[]): Promise<string> {
  return new Promise((resolve) => {
    const socket = new LinkSocket(address, {
      frame: (bytes) => {
        resolve(Buffer.from(bytes).toString());
        socket.close();
      },
      closed: (why) => resolve(`closed: ${why}`),
    });
    socket.send(frames);
  });
}

describe('a connection to a server', () => {
  it('is made whatever its TLS certificate says, and sends what was given to it before it stood', async () => {
    expect(await first(await echo(), [Buffer.from('hello')])).toBe('hello');
  });

  it('is closed, with the reason, where nobody listens', async () => {
    const server = createTcpServer();
    const address = await listening(server);
    await new Promise((resolve) => server.close(resolve));
    expect(await first(address, [])).toMatch(/^closed: .*ECONNREFUSED/);
  });

  it('is closed where no TLS is spoken, and by a frame that is no binary one', async () => {
    const plain = createTcpServer((socket) => socket.end('SSH-2.0-OpenSSH\r\n'));
    expect(await first(await listening(plain), [])).toMatch(/^closed: ./);
    expect(await first(await echo('text'), [])).toMatch(/^closed: ./);
  });

  it('calls nobody any more once it was closed', async () => {
    const calls: string[] = [];
    const address = await echo();
    const socket = new LinkSocket(address, {
      frame: () => void calls.push('frame'),
      closed: () => void calls.push('closed'),
    });
    socket.send([Buffer.from('x')]);
    socket.close();
    expect(await first(address, [Buffer.from('later')])).toBe('later');
    expect(calls).toEqual([]);
  });
});
