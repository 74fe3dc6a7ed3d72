import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  decodeEnrolAnswer,
  decodeEnrolRequest,
  encodeEnrolAnswer,
  encodeEnrolRequest,
  MAX_ENROL_REQUEST,
} from '../../../src/api/channel/enrol-message.ts';
import { decodeFrame, decodeGreeting, encodeFrame, encodeGreeting } from '../../../src/api/channel/frames.ts';
import { decodeNodeMessage, encodeNodeMessage, MAX_NODE_MESSAGE } from '../../../src/api/channel/node-message.ts';
import { decodeServerMessage, encodeServerMessage } from '../../../src/api/channel/server-message.ts';
import { type CborValue, encodeCbor } from '../../../src/base/cbor.ts';
import { decodeCbor } from '../../../src/base/cbor-decode.ts';
import { asMap } from '../../../src/base/cbor-fields.ts';
import { enrolAnswers, enrolRequests, greetings, nodeMessages, serverMessages } from './arbitrary.ts';

/** One row per codec; each column is used by several properties. */
const CODECS: readonly Codec[] = [
  row('a message of a node', nodeMessages, encodeNodeMessage, decodeNodeMessage),
  row('a message of a server', serverMessages, encodeServerMessage, decodeServerMessage),
  row('a request to enrol', enrolRequests, encodeEnrolRequest, decodeEnrolRequest),
  row('the answer to it', enrolAnswers, encodeEnrolAnswer, decodeEnrolAnswer),
];

interface Codec {
  readonly name: string;
  readonly samples: fc.Arbitrary<{ readonly message: unknown; readonly bytes: Uint8Array }>;
  readonly decode: (bytes: Uint8Array) => unknown;
}

function row<T>(
  name: string,
  messages: fc.Arbitrary<T>,
  encode: (message: T) => Uint8Array,
  decode: (bytes: Uint8Array) => unknown,
): Codec {
  return { name, samples: messages.map((message) => ({ message, bytes: encode(message) })), decode };
}

const FAULTS = ['message-too-long', 'message-encoding', 'message-type', 'message-field'];

describe.each(CODECS)('$name', ({ samples, decode }) => {
  it('is read as it was written', () => {
    fc.assert(
      fc.property(samples, ({ message, bytes }) => {
        expect(decode(bytes)).toEqual(message);
      }),
    );
  });

  it('is read also with a field that this release does not know', () => {
    fc.assert(
      fc.property(samples, ({ message, bytes }) => {
        expect(decode(changed(bytes, (fields) => fields.set('later', 7)))).toEqual(message);
      }),
    );
  });

  it('without any one of its fields is another message or a fault', () => {
    fc.assert(
      fc.property(samples, fc.nat(), ({ message, bytes }, pick) => {
        const shorter = changed(bytes, (fields) => fields.delete([...fields.keys()][pick % fields.size]));
        expect(decode(shorter)).not.toEqual(message);
      }),
    );
  });

  it('with any field of another kind is a fault', () => {
    const other = fc.constantFrom<CborValue>(null, -1, [[]], new Map());
    fc.assert(
      fc.property(samples, fc.nat(), other, ({ bytes }, pick, value) => {
        const broken = changed(bytes, (fields) => fields.set([...fields.keys()][pick % fields.size], value));
        expect(FAULTS).toContain(decode(broken));
      }),
    );
  });

  it('of hostile bytes is a fault, never a throw', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 2_000 }), (bytes) => {
        expect(FAULTS).toContain(decode(bytes));
      }),
    );
    fc.assert(
      fc.property(samples, fc.nat(), fc.integer({ min: 1, max: 255 }), ({ bytes }, at, flip) => {
        bytes[at % bytes.length] ^= flip;
        expect(() => decode(bytes)).not.toThrow();
      }),
    );
  });
});

describe('the longest message', () => {
  it.each([
    ['of a node', decodeNodeMessage, MAX_NODE_MESSAGE],
    ['of one that enrols', decodeEnrolRequest, MAX_ENROL_REQUEST],
  ])('%s is bounded before it is parsed', (_, decode, most) => {
    expect(decode(new Uint8Array(most + 1))).toBe('message-too-long');
    expect(decode(new Uint8Array(most))).toBe('message-encoding');
  });

  it('of a node has room for 64 groups and 16 endpoints', () => {
    const longest = fc
      .sample(
        nodeMessages.filter(({ type }) => type === 'hello'),
        200,
      )
      .map(encodeNodeMessage);
    expect(Math.max(...longest.map(({ length }) => length))).toBeLessThan(MAX_NODE_MESSAGE / 4);
  });
});

describe('an endpoint', () => {
  const endpoints = (value: CborValue) =>
    decodeNodeMessage(
      encodeCbor(
        new Map<string, CborValue>([
          ['type', 'endpoints'],
          ['udpPort', 1],
          ['endpoints', value],
        ]),
      ),
    );
  it.each([
    ['of IPv4', Uint8Array.of(10, 0, 0, 1, 0xb8, 0x8f), ['10.0.0.1:47247']],
    ['of IPv6', Uint8Array.of(0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 1), ['[2001:db8::1]:1']],
  ])('%s has this spelling', (_, bytes, expected) => {
    expect(endpoints([bytes])).toMatchObject({ endpoints: expected });
  });

  it.each([
    ['with port 0', Uint8Array.of(10, 0, 0, 1, 0, 0)],
    ['of another length', new Uint8Array(7)],
    ['as text', '10.0.0.1:47247'],
  ])('%s is refused', (_, value) => {
    expect(endpoints([value])).toBe('message-field');
  });

  it('is one of at most 16', () => {
    expect(endpoints(Array.from({ length: 17 }, () => Uint8Array.of(10, 0, 0, 1, 0, 1)))).toBe('message-field');
  });
});

describe('a frame before the records', () => {
  it('W1: is read as it was written, and with any byte of its header changed it is a fault', () => {
    fc.assert(
      fc.property(greetings, fc.nat(3), fc.integer({ min: 1, max: 255 }), (greeting, at, flip) => {
        const frame = encodeGreeting(greeting);
        expect(decodeGreeting(frame)).toEqual(greeting);
        frame[at] ^= flip;
        expect(['version', 'kind', 'pad', 'length']).toContain(decodeGreeting(frame));
      }),
    );
  });

  it.each([
    ['a greeting cut short', encodeFrame('greeting', new Uint8Array(64)).subarray(0, 67), 'length'],
    ['a greeting with a byte behind it', new Uint8Array([...encodeFrame('greeting', new Uint8Array(64)), 0]), 'length'],
    ['nothing', new Uint8Array(0), 'short'],
    ['another kind', encodeFrame('session', new Uint8Array(96)), 'kind'],
  ])('W1: %s is a fault', (_, frame, fault) => {
    expect(decodeFrame(frame, 'greeting')).toBe(fault);
  });

  it('is not written with a body of another length', () => {
    expect(() => encodeFrame('enrol', new Uint8Array(47))).toThrow(RangeError);
    expect(() => encodeFrame('enrol', new Uint8Array(49))).toThrow(RangeError);
  });
});

/** The message with its map of fields changed. */
function changed(bytes: Uint8Array, change: (fields: Map<string | number, CborValue>) => void): Uint8Array {
  const decoded = decodeCbor(bytes, { bytes: bytes.length, depth: 5 });
  const fields = new Map(typeof decoded === 'string' ? [] : asMap(decoded.value));
  change(fields);
  return encodeCbor(fields);
}
