import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { resolveConfig } from '../../../src/node/agent-config.ts';
import { waitForKeys } from '../../../src/node/server-link/waiting.ts';
import type { SimMachine } from './machine.ts';
import { Network } from './network.ts';

const ENDED = new Error('ended from outside');
const SILENT = { log: () => undefined };

let net: Network;
let machine: SimMachine;
let socket: string;
/** A machine whose server is dead. */
beforeEach(async () => {
  net = new Network();
  const server = net.server();
  machine = net.machine();
  socket = join(machine.folder, 'node.sock');
  const token = server.token();
  server.kill();
  machine.start({ join: token, name: 'a' });
  machine.linked?.stop();
  await net.run(1);
});
afterEach(() => net.end());

function waiting(end: AbortSignal) {
  const { linked, state } = machine;
  if (!linked) throw new Error('it is down');
  return waitForKeys(resolveConfig({ state: machine.folder, socket }), linked, { state, log: SILENT, end });
}

describe('a node that waits for its first keys', () => {
  it('ends when it is told to, takes its socket away, and asks for its server no more', async () => {
    const end = new AbortController();
    const waits = waiting(end.signal).catch((error: unknown) => error);
    await expect.poll(() => existsSync(socket)).toBe(true);
    await net.run(5);
    end.abort(ENDED);
    expect(await waits).toBe(ENDED);
    expect(existsSync(socket)).toBe(false);
    const { attempts } = net;
    await net.run(120);
    expect(net.attempts).toBe(attempts);
  });

  it('does not begin when it was ended before', async () => {
    const { attempts } = net;
    await expect(waiting(AbortSignal.abort(ENDED))).rejects.toBe(ENDED);
    expect([existsSync(socket), net.attempts]).toEqual([false, attempts]);
  });
});
