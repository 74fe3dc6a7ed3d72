import { afterEach, describe, expect, it } from 'vitest';
import { concat } from '../../src/base/bytes.ts';
import { MESSAGE } from '../../src/base/primitives.ts';
import { RELAY_END, RELAY_RUN } from '../../src/base/relay-primitives.ts';
import type { BatchSocket } from '../../src/udp/batch-socket.ts';
import { openBatchSocket } from '../../src/udp/open-batch-socket.ts';

const WITHOUT = 'GSCIP_WITHOUT_ADDON';
const opened: BatchSocket[] = [];

afterEach(() => {
  delete process.env[WITHOUT];
  for (const socket of opened.splice(0)) socket.close();
});

async function open(address: string | undefined): Promise<BatchSocket> {
  const socket = await openBatchSocket({ address, port: 0, gro: false });
  if (typeof socket === 'string') throw new Error(socket);
  opened.push(socket);
  return socket;
}

/** What comes in, until `count` datagrams are there. */
function arriving(socket: BatchSocket, count: number): Promise<string[]> {
  const texts: string[] = [];
  return new Promise((resolve, reject) => {
    socket.start((arena, rows, got) => {
      for (let at = 0; at < got * MESSAGE.stride; at += MESSAGE.stride) {
        const offset = rows[at + MESSAGE.offset];
        texts.push(Buffer.from(arena.subarray(offset, offset + rows[at + MESSAGE.length])).toString());
      }
      if (texts.length >= count) resolve(texts);
    }, reject);
  });
}

interface Run {
  readonly texts: readonly string[];
  readonly end: number;
}

/** Sends runs to receivers at two loopback addresses. */
async function send(list: readonly Run[]): Promise<string[][]> {
  const [sender, first, second] = [await open(undefined), await open('127.0.0.1'), await open('::1')];
  const ends = new Int32Array(2 * RELAY_END.stride);
  ends.set([4, 0x0100007f, 0, 0, 0, first.port]);
  ends.set([6, 0, 0, 0, 0x01000000, second.port], RELAY_END.stride);
  const runs = new Int32Array(list.length * RELAY_RUN.stride);
  let offset = 0;
  list.forEach(({ texts, end }, at) => {
    const length = texts.join('').length;
    runs.set([offset, length, texts[0].length, end], at * RELAY_RUN.stride);
    offset += length;
  });
  const arena = concat(...list.flatMap(({ texts }) => texts.map((text) => Buffer.from(text))));
  const countOf = (end: number) => list.filter((run) => run.end === end).flatMap(({ texts }) => texts).length;
  const got = Promise.all([arriving(first, countOf(0)), arriving(second, countOf(1))]);
  sender.sendRuns(arena, runs, list.length, ends);
  const texts = await got;
  expect(sender.refused).toBe(0);
  return texts;
}

describe.each([['addon'], ['node']] as const)('runs sent by the socket of the %s', (kind) => {
  it('arrive at their ends whole, and in order at each', async () => {
    if (kind === 'node') process.env[WITHOUT] = '1';
    const list: readonly Run[] = [
      { texts: ['a1', 'a2', 'a3'], end: 0 },
      { texts: ['b1'], end: 1 },
      { texts: ['a4', 'a5', '6'], end: 0 },
      { texts: ['b2', 'b3'], end: 1 },
      { texts: ['a7', 'a8'], end: 0 },
      { texts: ['long', 'long'], end: 0 },
      { texts: ['!'], end: 1 },
      { texts: ['b5'], end: 1 },
      { texts: ['longer'], end: 0 },
    ];
    const texts = await send(list);
    for (const end of [0, 1])
      expect(texts[end]).toEqual(list.filter((run) => run.end === end).flatMap((run) => run.texts));
    expect(opened[0]?.implementation).toBe(kind);
  });

  it('may be longer than one send of the kernel', async () => {
    if (kind === 'node') process.env[WITHOUT] = '1';
    const texts = Array.from({ length: 300 }, (_, at) => `number ${1000 + at}`);
    expect(
      await send([
        { texts, end: 0 },
        { texts: ['b'], end: 1 },
      ]),
    ).toEqual([texts, ['b']]);
  });
});
