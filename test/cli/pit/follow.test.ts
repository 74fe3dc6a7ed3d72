import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { PitEventAnswer } from '../../../src/api/pit.ts';
import { followFlows } from '../../../src/cli/pit/follow.ts';
import { flowEvent } from './flow-event.ts';

/** An agent that says what a test wants to whoever asks, and remembers the question. */
let server: Server;
let path = '';
let folder = '';
let asked = '';
let says: (socket: Socket) => void = () => undefined;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'gscip-follow-'));
  path = join(folder, 'agent.sock');
  server = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.once('data', (line) => {
      asked = String(line);
      says(socket);
    });
  });
  await new Promise<void>((resolve) => server.listen(path, resolve));
});
afterEach(async () => {
  await new Promise((resolve) => server.close(resolve));
  rmSync(folder, { recursive: true });
});

const line = (event: PitEventAnswer) => `${JSON.stringify(event)}\n`;
const END: PitEventAnswer = { schema: 1, at: '2026-01-02T03:04:05.678Z', event: 'end', cause: 'agent-stopped' };

describe('whoever follows the flows', () => {
  it('ends well with the agent', async () => {
    says = (socket) => socket.end(line(flowEvent('created')) + line(END));
    const heard: string[] = [];
    await followFlows(path, true, {}, ({ event }) => heard.push(event) > 0);
    expect(heard).toEqual(['created', 'end']);
    expect(JSON.parse(asked)).toEqual({ verb: 'pit-watch', open: true });
  });

  it('is told when the agent cut it off', async () => {
    says = (socket) => socket.end(line(flowEvent('created')));
    await expect(followFlows(path, false, {}, () => true)).rejects.toMatchObject({
      code: 'watch-lost',
      remedy: expect.stringContaining('gscip status'),
    });
  });

  it('ends after so many events that it took', async () => {
    says = (socket) => socket.write(line(flowEvent('created')).repeat(9));
    let seen = 0;
    await followFlows(path, false, { count: 2 }, () => {
      seen += 1;
      return seen % 2 === 0;
    });
    expect(seen).toBe(4);
  });

  it.each(['SIGINT', 'SIGTERM'] as const)('ends well by %s, and leaves no listener for it', async (signal) => {
    says = (socket) => socket.write(line(flowEvent('created')));
    const before = process.listenerCount(signal);
    await followFlows(path, false, {}, () => {
      process.emit(signal, signal);
      return true;
    });
    expect(process.listenerCount(signal)).toBe(before);
  });

  it('hands on what went wrong with an event', async () => {
    says = (socket) => socket.write(line(flowEvent('created')));
    const full = new Error('the disk is full');
    const failing = followFlows(path, false, {}, () => {
      throw full;
    });
    await expect(failing).rejects.toBe(full);
  });
});
