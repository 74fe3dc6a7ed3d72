import { lookup } from 'node:dns/promises';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { ServerDial } from '../../src/node/server-dial.ts';
import { StateDir } from '../../src/node/state-dir.ts';
import { parsePrefix } from '../../src/tun/prefix.ts';

const folder = mkdtempSync(join(tmpdir(), 'gscip-dial-'));
const open: Server[] = [];
afterEach(() => {
  for (const server of open.splice(0)) server.close();
  rmSync(folder, { recursive: true, force: true });
});

/** Answers once per connection with what its name is. */
function listen(): Promise<{ readonly port: number; readonly called: Promise<void> }> {
  const called = Promise.withResolvers<void>();
  const server = createServer((socket) => {
    called.resolve();
    socket.destroy();
  });
  open.push(server);
  return new Promise((resolve) =>
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      resolve({ port: typeof address === 'object' && address ? address.port : 0, called: called.promise });
    }),
  );
}

it('a closed node reaches its server by the numbers that it has kept, and asks nobody for the name', async () => {
  const state = new StateDir(folder);
  state.writeText('lock', 'closed');
  state.writeText('addresses', '{"server.invalid":["127.0.0.1","no number"],"other":7}');
  const { port, called } = await listen();
  const socket = new ServerDial(state).connect({ host: 'server.invalid', port });
  socket.on('error', () => undefined);
  await called;
  socket.destroy();
});

it('an open node keeps the numbers behind the name', async () => {
  const state = new StateDir(folder);
  const { port, called } = await listen();
  const socket = new ServerDial(state).connect({ host: 'localhost', port });
  socket.on('error', () => undefined);
  await called;
  await expect.poll(() => state.text('addresses')).toContain('127.0.0.1');
  socket.destroy();
});

it('a name that leads into the overlay does not replace the numbers outside of it', async () => {
  const state = new StateDir(folder);
  state.writeText('addresses', '{"localhost":["127.0.0.2"]}');
  const { port } = await listen();
  const dial = new ServerDial(state);
  dial.setOverlay([parsePrefix('127.0.0.0/8'), parsePrefix('::1/128')]);
  const socket = dial.connect({ host: 'localhost', port });
  socket.on('error', () => undefined);
  // the name was asked for once it is answered again
  await lookup('localhost', { all: true });
  await lookup('localhost', { all: true });
  expect(dial.addresses('localhost:1').map(({ address }) => address)).toEqual(['127.0.0.2']);
  dial.setOverlay([]);
  dial.connect({ host: 'localhost', port }).on('error', () => undefined);
  await expect.poll(() => dial.addresses('localhost:1').map(({ address }) => address)).toContain('127.0.0.1');
});
