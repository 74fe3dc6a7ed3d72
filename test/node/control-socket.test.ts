import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { GscipError } from '../../src/base/errors.ts';
import { ask as askAgent } from '../../src/cli/control-client.ts';
import { type ControlHandler, type ControlReply, ControlSocket } from '../../src/node/control-socket.ts';

let folder = '';
let path = '';
const open: ControlSocket[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'gscip-socket-'));
  path = join(folder, 'run', 'node.sock');
});
afterEach(async () => {
  await Promise.all(open.splice(0).map((socket) => socket.close()));
  rmSync(folder, { recursive: true, force: true });
});

async function listen(handler: ControlHandler): Promise<ControlSocket> {
  const socket = await ControlSocket.listen(path, handler);
  open.push(socket);
  return socket;
}

/** Sends text and gives back what came until the other side ended. */
function ask(text: string, half = false): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(path);
    let heard = '';
    socket.setEncoding('utf8');
    socket.on('data', (chunk) => {
      heard += String(chunk);
    });
    socket.on('end', () => resolve(heard));
    socket.on('error', reject);
    if (half) socket.end(text);
    else socket.write(text);
  });
}

const echo: ControlHandler = async (request) => ({ schema: 1, request });

async function codeOf(act: Promise<unknown>): Promise<string> {
  try {
    await act;
  } catch (error) {
    if (error instanceof GscipError) return error.code;
    throw error;
  }
  return 'no error';
}

describe('the control socket', () => {
  it('may be opened by its owner alone, and is gone after the end', async () => {
    const socket = await listen(echo);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    await socket.close();
    open.length = 0;
    expect(existsSync(path)).toBe(false);
  });

  it('answers one request a connection', async () => {
    await listen(echo);
    expect(await ask('{"verb":"status"}\n')).toBe('{"schema":1,"request":{"verb":"status"}}\n');
    expect(await ask('{"verb":"status"}\n{"verb":"down"}\n')).toBe('{"schema":1,"request":{"verb":"status"}}\n');
  });

  it('answers a client that closes its side after asking', async () => {
    await listen(async (request) => {
      // the client's end arrives before the answer is ready
      for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
      return { request };
    });
    expect(await ask('{"verb":"metrics"}\n', true)).toContain('metrics');
  });

  it('puts a request together from its pieces', async () => {
    await listen(echo);
    const answer = new Promise<string>((resolve) => {
      const socket = connect(path);
      socket.setEncoding('utf8').on('data', (chunk) => resolve(String(chunk)));
      const text = '{"verb":"ping","target":"ü"}\n';
      const bytes = Buffer.from(text);
      const half = bytes.indexOf(0xbc);
      socket.write(bytes.subarray(0, half), () => setImmediate(() => socket.write(bytes.subarray(half))));
    });
    expect(await answer).toContain('"target":"ü"');
  });

  it.each([
    ['not json\n', 'bad-request-json'],
    ['\n', 'bad-request-json'],
    ['{"verb":"fly"}\n', 'bad-request-verb'],
    ['{"verb":"ping"}\n', 'bad-request-field'],
    [`${'x'.repeat(70_000)}`, 'too-long'],
    [`{"verb":"${'x'.repeat(70_000)}"}\n`, 'too-long'],
  ])('refuses %.20s by name', async (text, code) => {
    let asked = false;
    await listen(async () => {
      asked = true;
      return {};
    });
    expect(JSON.parse(await ask(text))).toMatchObject({ schema: 1, error: { code } });
    expect(asked).toBe(false);
  });

  it('tells a command of a later release which one it is', async () => {
    await listen(echo);
    const { error } = JSON.parse(await ask('{"verb":"fly"}\n'));
    expect(error.message).toMatch(/this agent, gscip \d+\.\d+\.\d+, does not know/);
    expect(error.remedy).toContain('restart the agent');
  });

  it('of a later release is not misread by a command', async () => {
    await listen(async () => ({ schema: 2, node: {} }));
    await expect(askAgent(path, { verb: 'status' })).rejects.toMatchObject({
      code: 'agent-newer',
      message: expect.stringMatching(/schema 2, this command, gscip [\d.]+, reads schema 1/),
    });
  });

  it('tells what went wrong as code, message and remedy', async () => {
    await listen(async () => {
      throw new GscipError('no-answer', 'it was silent', 'wait');
    });
    expect(JSON.parse(await ask('{"verb":"status"}\n'))).toEqual({
      schema: 1,
      error: { code: 'no-answer', message: 'it was silent', remedy: 'wait' },
    });
  });

  it('streams until the client goes, and tells the agent so', async () => {
    const replies: ControlReply[] = [];
    let gone = 0;
    await listen((_, reply) => {
      replies.push(reply);
      reply.onClose(() => {
        gone += 1;
      });
      reply.send({ n: 1 });
      reply.send({ n: 2 });
      return reply.closed;
    });
    const client = connect(path);
    const first = new Promise<string>((resolve) => {
      client.setEncoding('utf8').on('data', (chunk) => resolve(String(chunk)));
    });
    client.write('{"verb":"pit-watch"}\n');
    expect(await first).toBe('{"n":1}\n{"n":2}\n');
    client.destroy();
    await replies[0].closed;
    expect(gone).toBeGreaterThanOrEqual(1);
    // and takes what is sent afterwards for nothing
    replies[0].send({ n: 3 });
  });

  it('ends streams from its side', async () => {
    let begun = (): void => undefined;
    const asked = new Promise<void>((resolve) => {
      begun = resolve;
    });
    const socket = await listen((_, reply) => {
      reply.send({ n: 1 });
      begun();
      return reply.closed;
    });
    const answer = ask('{"verb":"trace"}\n');
    await asked;
    await socket.close();
    open.length = 0;
    expect(await answer).toBe('{"n":1}\n');
  });

  it('is refused where an agent answers, and replaces what one left behind', async () => {
    await listen(echo);
    expect(await codeOf(ControlSocket.listen(path, echo))).toBe('already-running');
    expect(await ask('{"verb":"status"}\n')).toContain('status');
    await open.splice(0)[0].close();
    writeFileSync(path, 'left behind');
    await listen(echo);
    expect(await ask('{"verb":"status"}\n')).toContain('status');
  });

  it('is refused where another program answers', async () => {
    const elsewhere = createServer();
    const other = join(folder, 'other.sock');
    await new Promise<void>((resolve) => elsewhere.listen(other, resolve));
    expect(await codeOf(ControlSocket.listen(other, echo))).toBe('already-running');
    await new Promise((resolve) => elsewhere.close(resolve));
  });

  it('says where it cannot listen', async () => {
    writeFileSync(join(folder, 'file'), '');
    expect(await codeOf(ControlSocket.listen(join(folder, 'file', 'x.sock'), echo))).toBe('socket-failed');
    expect(await codeOf(ControlSocket.listen(join(folder, `${'x'.repeat(200)}.sock`), echo))).toBe('socket-failed');
  });
});
