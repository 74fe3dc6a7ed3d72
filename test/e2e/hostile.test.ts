import { connect, type Socket } from 'node:net';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sendNumbered, startReceiver } from '../../bench/tools/seq-udp.ts';
import type { PitFlushAnswer } from '../../src/api/pit.ts';
import { Lab } from '../../src/cli/lab/lab.ts';
import { pinnedNode } from '../../src/cli/lab/pinned-node.ts';
import { until } from '../../src/cli/lab/until.ts';
import { capture } from '../netns/capture.ts';
import { counted, inside, PORT, pings, TwoNodes } from './two-nodes.ts';

let lab: Lab;
let nodes: TwoNodes;
beforeAll(async () => {
  lab = new Lab();
  nodes = new TwoNodes(lab);
  const limits = ['--flows', '200000', '--flows-per-peer', '100000', '--new-flows-per-second', '100000'];
  await nodes.up({ extra: limits });
  expect(await pings(nodes.a, nodes.b)).toBe(true);
});
afterAll(() => lab.close());

/** Connects to the control socket of a, sends these bytes, and returns all that comes back until the end. */
function says(bytes: string | Uint8Array, close = false): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(nodes.a.socket);
    let heard = '';
    socket.setEncoding('utf8');
    socket.on('data', (text: string) => {
      heard += text;
    });
    socket.on('error', () => resolve(heard)); // it may be cut off while we still write
    socket.on('close', () => resolve(heard));
    socket.setTimeout(15_000, () => reject(new Error('no end')));
    socket.on('connect', () => (close ? socket.end(bytes) : socket.write(bytes)));
  });
}

function opened(): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(nodes.a.socket, () => resolve(socket));
    socket.on('error', reject);
  });
}

/** Bytes that look like nothing; the same at each run. */
function noise(length: number, seed: number): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let at = 0, state = seed; at < length; at++) {
    state = Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) + at + 1;
    bytes[at] = state >>> 24;
  }
  return bytes;
}

function failure(code: string) {
  return { schema: 1, error: { code, message: expect.stringMatching(/./), remedy: expect.any(String) } };
}

describe('the control socket', () => {
  it.each([
    [
      'random bytes',
      'bad-request-json',
      Buffer.concat([noise(500, 7).map((byte) => (byte === 10 ? 0 : byte)), Buffer.from('\n')]),
    ],
    ['an empty line', 'bad-request-json', '\n'],
    ['a list', 'bad-request-json', '[]\n'],
    ['a deep nest', 'bad-request-json', `${'['.repeat(30_000)}\n`],
    ['an unknown verb', 'bad-request-verb', '{"verb":"format-disk"}\n'],
    ['a verb that every object has', 'bad-request-verb', '{"verb":"constructor"}\n'],
    ['no verb', 'bad-request-verb', '{"__proto__":{"verb":"down"}}\n'],
    ['a field of a wrong kind', 'bad-request-field', '{"verb":"pit-list","limit":"all"}\n'],
    ['a field out of range', 'bad-request-field', '{"verb":"ping","target":"b","count":1e9}\n'],
    ['a line that is too long', 'too-long', `{"verb":"status","x":"${'x'.repeat(70_000)}"}\n`],
    ['a line without an end', 'too-long', 'x'.repeat(1_000_000)],
  ])('refuses %s as %s', async (_, code, bytes) => {
    expect(JSON.parse(await says(bytes))).toEqual(failure(code));
  });

  it('answers the first of several requests, and one that is closed behind it', async () => {
    const two = await says('{"verb":"status"}\n{"verb":"down"}\n');
    expect(two.trim().split('\n')).toHaveLength(1);
    expect(JSON.parse(two)).toMatchObject({ node: { name: 'a' } });
    expect(JSON.parse(await says('{"verb":"ping","target":"b","count":3}\n', true))).toMatchObject({ lost: 0 });
  });

  it('puts a request together that comes byte by byte', async () => {
    const socket = await opened();
    let heard = '';
    socket.setEncoding('utf8').on('data', (text: string) => {
      heard += text;
    });
    for (const letter of '{"verb":"wait"}\n') {
      socket.write(letter);
      await new Promise((resolve) => setImmediate(resolve));
    }
    await until('the answer', () => heard.includes('"ready":true'));
  });

  it('says nothing to who closes without a whole request', async () => {
    expect(await says('', true)).toBe('');
    expect(await says('{"verb":"sta', true)).toBe('');
  });

  it('answers while two hundred others are connected, silent or with half a line, and holds none of them for ever', async () => {
    const others = await Promise.all(Array.from({ length: 200 }, opened));
    for (const other of others.slice(100)) other.write('{"verb":"sta');
    expect(await nodes.cli(nodes.a, 'status')).toMatchObject({ code: 0 });
    expect(await pings(nodes.a, nodes.b)).toBe(true);
    await until('their end', () => others.every((each) => each.closed), { seconds: 30 });
  });

  it('drops a watcher that never reads, and does not keep for it what it would have read', async () => {
    const deaf = await opened();
    deaf.write('{"verb":"pit-watch"}\n');
    expect(await nodes.cli(nodes.a, 'wait')).toMatchObject({ code: 0 }); // asked later, so the watch has begun
    const words = [pinnedNode(), FLOWS, await inside(nodes.b, 4), '10000'];
    for (let flows = 0; flows < 20_000; ) {
      await nodes.a.namespace.run(words);
      const { entries } = await nodes.a.ask<PitFlushAnswer>({ verb: 'pit-flush', sas: false });
      flows += entries; // each is told of three times, in some 600 bytes
    }
    let heard = 0;
    deaf.on('data', (chunk) => {
      heard += chunk.length;
    });
    await until('its end', () => deaf.closed);
    expect(heard).toBeGreaterThan(0);
  });
});

const FLOWS = fileURLToPath(new URL('./many-flows.ts', import.meta.url));
const FLOOD = fileURLToPath(new URL('./hostile-datagrams.ts', import.meta.url));

/** A sealed datagram of a to b as it was on the wire. */
async function overheard(): Promise<Uint8Array> {
  const seen = await capture(lab, nodes.a.namespace, 'eth0');
  await until('traffic', () => pings(nodes.a, nodes.b, 4, 1));
  const isData = (frame: Uint8Array) => frame[23] === 17 && frame[33] === 2 && frame[ETHERNET_TO_UDP_PAYLOAD] === 0x10;
  const { bytes } = await until('a sealed datagram', () => seen.packets().find((packet) => isData(packet.bytes)));
  await seen.stop();
  return bytes.subarray(ETHERNET_TO_UDP_PAYLOAD);
}

const ETHERNET_TO_UDP_PAYLOAD = 14 + 20 + 8;
/** What the flood must be recognised as, among others. */
const RECOGNISED = ['unknown-kind', 'unknown-index', 'auth-failed', 'replayed', 'bad-flags', 'short'];

describe('hostile datagrams to the listen port', () => {
  it('disturb nothing: traffic goes on, little is answered, and what came is counted', async () => {
    const { a, b } = nodes;
    const address = await inside(b, 4);
    const sealed = Buffer.from(await overheard()).toString('hex');
    const receiver = await startReceiver(b.namespace, address);
    const before = await Promise.all(RECOGNISED.map((event) => counted(b, event)));
    const sending = sendNumbered(a.namespace, address, 500, 4, 200);
    const flood = await a.namespace.run([pinnedNode(), FLOOD, '10.99.0.2', `${PORT}`, '3', sealed]);
    const { sent, answers, answerBytes, bytes } = JSON.parse(flood);
    expect(sent).toBeGreaterThan(1_000);
    expect(answers).toBeLessThan(sent / 10);
    expect(answerBytes).toBeLessThan(bytes / 10);
    const numbered = await sending;
    const { distinct, duplicates } = await receiver.stop();
    // the flood may fill the kernel's buffer of the socket for a moment, which no node can help
    expect(distinct).toBeGreaterThan(0.9 * numbered.sent);
    expect(duplicates).toBe(0);
    const after = await Promise.all(RECOGNISED.map((event) => counted(b, event)));
    expect(RECOGNISED.filter((_, at) => (after[at] ?? 0) <= (before[at] ?? 0))).toEqual([]);
    const { health, peers } = await b.status();
    expect(health).toEqual([]);
    expect(peers[0]?.path.endpoint).toBe(nodes.at(a)); // nobody was led elsewhere
  });
});
