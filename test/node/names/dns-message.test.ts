import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { concat, toHex, utf8 } from '../../../src/base/bytes.ts';
import { RCODE, RR_TYPE } from '../../../src/node/names/dns-codes.ts';
import { type DnsQuestion, decodeQuestion } from '../../../src/node/names/dns-question.ts';
import { encodeFault, encodeName, encodeReply } from '../../../src/node/names/dns-reply.ts';
import { answerQuestion } from '../../../src/node/names/zone.ts';
import { bytesOf, table } from './members.ts';

const HOME = table('home', 'alice', 'bob');

/** As `dig +noedns` and `dig` send it. */
function query(name: string, type: number, { edns = 0, flags = 0x0100, counts = [1, 0, 0] } = {}): Uint8Array {
  const opt = edns === 0 ? [] : [Uint8Array.of(0, 0, 41, edns >> 8, edns & 255, 0, 0, 0, 0, 0, 0)];
  const head = [0x12, 0x34, flags >> 8, flags & 255, ...counts.flatMap((each) => [0, each]), 0, opt.length];
  return concat(Uint8Array.from(head), encodeName(name), Uint8Array.of(0, type, 0, 1), ...opt);
}

function decoded(bytes: Uint8Array): DnsQuestion {
  const question = decodeQuestion(bytes);
  if (typeof question === 'string' || 'fault' in question) throw new Error(JSON.stringify(question));
  return question;
}

describe('a question', () => {
  it('has its name in lower case, and is repeated as it was asked', () => {
    const question = decoded(query('BoB.Home.gscip', RR_TYPE.a));
    expect(question).toMatchObject({
      id: 0x1234,
      labels: ['bob', 'home', 'gscip'],
      type: 1,
      class: 1,
      edns: undefined,
    });
    const reply = encodeReply(question, answerQuestion(HOME, question), 'udp');
    const name = toHex(
      concat(Uint8Array.of(3), utf8('BoB'), Uint8Array.of(4), utf8('Home'), Uint8Array.of(5), utf8('gscip')),
    );
    // header: authoritative answer, one question, one record; then name, A, IN; pointer, A, IN, 10 s, 4 bytes
    expect(toHex(reply)).toBe(`123485000001000100000000${name}0000010001c00c000100010000000a000464400002`);
  });

  it.each([
    ['nothing', new Uint8Array(), 'short'],
    ['half a header', query('bob', 1).subarray(0, 11), 'short'],
    ['an answer', query('bob', 1, { flags: 0x8100 }), 'response'],
    ['an update', query('bob', 1, { flags: 0x2800 }), { id: 0x1234, fault: 'opcode' }],
    ['two questions', query('bob', 1, { counts: [2, 0, 0] }), { id: 0x1234, fault: 'count' }],
    ['no question', query('bob', 1, { counts: [0, 0, 0] }), { id: 0x1234, fault: 'count' }],
    ['an answer in a question', query('bob', 1, { counts: [1, 1, 0] }), { id: 0x1234, fault: 'count' }],
    ['a name that is cut off', query('bob', 1).subarray(0, 14), { id: 0x1234, fault: 'name' }],
    ['no type', query('bob', 1).subarray(0, 17), { id: 0x1234, fault: 'end' }],
    ['half a class', query('bob', 1).subarray(0, 20), { id: 0x1234, fault: 'end' }],
    [
      'a pointer to itself',
      concat(query('', 1).subarray(0, 12), Uint8Array.of(0xc0, 12, 0, 1, 0, 1)),
      { id: 0x1234, fault: 'name' },
    ],
    ['a name of 257 bytes', query(Array(64).fill('abc').join('.'), 1), { id: 0x1234, fault: 'name' }],
  ])('that is %s has a fault', (_, bytes, fault) => {
    expect(decodeQuestion(bytes)).toEqual(fault);
  });

  it('of 255 bytes is the longest', () => {
    expect(decoded(query(`${Array(63).fill('abc').join('.')}.a`, 1)).labels).toHaveLength(64);
  });

  it('says how much it takes over UDP, within bounds', () => {
    expect([100, 800, 4_096].map((edns) => decoded(query('bob', 1, { edns })).edns)).toEqual([512, 800, 1_232]);
  });

  it('gets an error where it has a fault, unless it is none at all', () => {
    expect(encodeFault('short')).toBeUndefined();
    expect(encodeFault('response')).toBeUndefined();
    expect(toHex(encodeFault({ id: 7, fault: 'opcode' }) ?? new Uint8Array())).toBe('000780040000000000000000');
    expect(toHex(encodeFault({ id: 7, fault: 'name' }) ?? new Uint8Array())).toBe('000780010000000000000000');
  });
});

describe('an answer', () => {
  const many = {
    rcode: RCODE.noError,
    records: Array(40).fill({ type: 'address', address: bytesOf('fd12::1') }),
  } as const;

  it('that does not fit is cut to nothing over UDP, and whole over TCP', () => {
    const question = decoded(query('bob.home.gscip', RR_TYPE.aaaa));
    const cut = encodeReply(question, many, 'udp');
    expect([cut.length, cut[2] & 2, cut[7]]).toEqual([12 + question.raw.length, 2, 0]);
    const whole = encodeReply(question, many, 'tcp');
    expect([whole[2] & 2, whole[7]]).toEqual([0, 40]);
    const more = decoded(query('bob.home.gscip', RR_TYPE.aaaa, { edns: 1_232 }));
    expect(encodeReply(more, many, 'udp')[7]).toBe(40);
  });

  it('has an OPT record where the question has one', () => {
    const question = decoded(query('bob.home.gscip', RR_TYPE.a, { edns: 1_232 }));
    const reply = encodeReply(question, answerQuestion(HOME, question), 'udp');
    expect(toHex(reply.subarray(-11))).toBe('00002904d0000000000000');
    expect(reply[11]).toBe(1);
  });

  it('is not authoritative where it is a refusal', () => {
    const question = decoded(query('example.com', RR_TYPE.a));
    const reply = encodeReply(question, answerQuestion(HOME, question), 'udp');
    expect(toHex(reply.subarray(0, 12))).toBe('123481050001000000000000');
  });
});

describe('hostile bytes', () => {
  it('never throw, and what is answered fits and begins with the id that was sent', () => {
    const valid = query('bob.home.gscip', RR_TYPE.any, { edns: 600 });
    const broken = fc
      .tuple(fc.nat(valid.length - 1), fc.nat(255), fc.nat(valid.length))
      .map(([at, value, length]) => valid.with(at, value).subarray(0, length));
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 600 }), broken), fc.constantFrom('udp', 'tcp'), (bytes, over) => {
        const question = decodeQuestion(bytes);
        const isFault = typeof question === 'string' || 'fault' in question;
        const reply = isFault ? encodeFault(question) : encodeReply(question, answerQuestion(HOME, question), over);
        if (!reply) return typeof question === 'string';
        return reply.length <= 1_232 && reply[0] === bytes[0] && reply[1] === bytes[1] && (reply[2] & 0x80) !== 0;
      }),
      { numRuns: 5_000 },
    );
  });
});
