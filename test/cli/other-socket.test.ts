import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { ControlSocket } from '../../src/node/control-socket.ts';
import { FakeServer } from './admin/fake-server.ts';
import { run } from './cli-run.ts';

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'gscip-other-'));
  path = join(folder, 'x.sock');
});
afterEach(() => rmSync(folder, { recursive: true }));

/** Says one thing to whoever connects, and ends. */
function saying(text: string): Promise<Server> {
  const server = createServer((socket) => socket.resume().end(text));
  return new Promise((resolve) => server.listen(path, () => resolve(server)));
}

it.each([
  ['user list'],
  ['user add alice'],
])('gscip admin %s names the socket of a node as what it is', async (words) => {
  const node = await ControlSocket.listen(path, async () => ({ schema: 1 }));
  const said = await run(['admin', ...words.split(' '), '--socket', path]);
  await node.close();
  expect(said).toMatchObject({ status: 1, stdout: '' });
  expect(said.stderr).toContain(`${path} is the socket of a node, not of a server`);
  expect(said.stderr).toMatch(/\n {7}name the server's with --socket PATH .*admin\.sock.*gscip status --socket PATH/);
});

it('gscip status names the socket of a server as what it is', async () => {
  const server = await FakeServer.start();
  const said = await run(['status', '--socket', server.socket]);
  await server.close();
  expect(said).toMatchObject({ status: 1, stdout: '' });
  expect(said.stderr).toContain(`${server.socket} is the socket of a server, not of a node`);
  expect(said.stderr).toMatch(/\n {7}name the node's with --socket PATH .*gscip\.sock.*gscip admin --help/);
});

it.each([
  ['status', 'hello\n', /what answers on .* is no agent of GSCIP\n +name its socket/],
  ['status', '[]\n7\n', /what answers on .* is no agent of GSCIP/],
  ['admin user list', 'hello\n', /what answers on .* is no server of GSCIP\n +name its socket/],
])('gscip %s says so when something else answers: %j', async (words, text, told) => {
  const server = await saying(text);
  const said = await run([...words.split(' '), '--socket', path]);
  server.close();
  expect(said).toMatchObject({ status: 1, stdout: '' });
  expect(said.stderr).toMatch(told);
  expect(said.stderr).not.toContain('internal error');
});
