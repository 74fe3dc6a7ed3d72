import { createSocket } from 'node:dgram';
import { Resolver } from 'node:dns/promises';
import { connect } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parsePath } from '../../../src/base/path-address.ts';
import { RR_TYPE } from '../../../src/node/names/dns-codes.ts';
import { decodeQuestion } from '../../../src/node/names/dns-question.ts';
import { encodeFault, encodeName, encodeReply } from '../../../src/node/names/dns-reply.ts';
import { NameServer } from '../../../src/node/names/name-server.ts';
import { answerQuestion } from '../../../src/node/names/zone.ts';
import { table } from './members.ts';

const HOME = table('home', 'alice', 'bob');

let server: NameServer;
let strange = 0;
function listen(): Promise<NameServer | undefined> {
  return NameServer.listen(['127.0.0.1', '::1'], {
    answer: (bytes, over) => {
      const question = decodeQuestion(bytes);
      if (typeof question === 'string' || 'fault' in question) return encodeFault(question);
      return encodeReply(question, answerQuestion(HOME, question), over);
    },
    strange: () => {
      strange += 1;
    },
  });
}
beforeEach(async () => {
  const found = await listen();
  if (!found) throw new Error('no socket');
  server = found;
});
afterEach(() => server.close());

function question(name: string): Buffer {
  const head = Buffer.from([0, 7, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
  return Buffer.concat([head, encodeName(name), Buffer.from([0, RR_TYPE.a, 0, 1])]);
}

/** Sends over TCP in these pieces, and gives what came back by the end. */
function overTcp(pieces: readonly Uint8Array[], isEnded = true): Promise<Buffer> {
  return new Promise((resolve) => {
    const got: Buffer[] = [];
    const socket = connect(parsePath(server.at).port, '127.0.0.1');
    socket.on('data', (chunk) => got.push(chunk)).on('error', () => undefined);
    socket.on('close', () => resolve(Buffer.concat(got)));
    for (const piece of pieces) socket.write(piece);
    if (isEnded) socket.end();
  });
}

describe('the name server', () => {
  it('answers resolvers of this machine', async () => {
    const resolver = new Resolver({ timeout: 2_000, tries: 1 });
    resolver.setServers([server.at]);
    expect(await resolver.resolve4('bob.home.gscip')).toEqual(['100.64.0.2']);
    expect(await resolver.reverse('fd12:3456:789a::2')).toEqual(['bob.home.gscip']);
    await expect(resolver.resolve4('example.com')).rejects.toMatchObject({ code: 'EREFUSED' });
  });

  it('answers each of several questions of one connection, however they are cut', async () => {
    const one = question('bob.home.gscip');
    const whole = Buffer.concat([Buffer.from([0, one.length]), one]);
    const replies = await overTcp([
      whole.subarray(0, 1),
      whole.subarray(1, 9),
      Buffer.concat([whole.subarray(9), whole]),
    ]);
    const length = replies.readUInt16BE(0);
    expect(replies.length).toBe(2 * (length + 2));
    expect([...replies.subarray(length - 2, length + 2)]).toEqual([100, 64, 0, 2]);
  });

  it('ends a connection that announces more than a question, or sends what is none', async () => {
    expect(await overTcp([Buffer.from([0xff, 0xff, 1])], false)).toHaveLength(0);
    expect(await overTcp([Buffer.from([0, 2, 1, 2])], false)).toHaveLength(0);
  });

  it('says nothing to an address that is not its own', async () => {
    const before = strange;
    const socket = createSocket('udp4');
    let heard = 0;
    socket.on('message', () => {
      heard += 1;
    });
    await new Promise<void>((resolve) => socket.bind(0, '127.0.0.2', resolve));
    socket.send(question('bob.home.gscip'), parsePath(server.at).port, '127.0.0.1');
    await expect.poll(() => strange).toBe(before + 1);
    expect(heard).toBe(0);
    socket.close();
  });

  it('takes another port where the usual one is taken', async () => {
    const second = await listen();
    expect([second?.at === server.at, parsePath(server.at).port > 0]).toEqual([false, true]);
    second?.close();
  });
});
