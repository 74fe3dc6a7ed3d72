import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { concat, utf8 } from '../../src/base/bytes.ts';
import { nodeProvider } from '../../src/crypto/node-provider.ts';
import { MAX_PIECE, MAX_RECORD, RecordChannel } from '../../src/crypto/noise-channel-records.ts';
import { CipherState } from '../../src/crypto/noise-symmetric.ts';
import { ok, seedOf } from './fixtures.ts';
import { joined } from './noise-channel-kit.ts';
import { PROVIDERS } from './providers.ts';

const NO_DATA = new Uint8Array(0);
/** Lengths around the places where a message is cut. */
const LENGTHS = [0, 1, MAX_PIECE - 1, MAX_PIECE, MAX_PIECE + 1, 2 * MAX_PIECE, 3 * MAX_PIECE + 7];

describe.each(PROVIDERS)('records (%s)', (_, provider) => {
  it.each(LENGTHS)('carry a message of %d bytes in both directions', (length) => {
    const { node, server } = joined(provider);
    const message = new Uint8Array(length).map((_byte, i) => i);
    for (const [from, to] of [
      [node, server],
      [server, node],
      [node, server],
    ] as const) {
      const records = ok<readonly Uint8Array[]>(from.seal(message));
      expect(records).toHaveLength(Math.max(1, Math.ceil(length / MAX_PIECE)));
      expect(received(to, records)).toEqual(message);
    }
  });
});

describe('a channel of records', () => {
  it('carries any sequence of messages', () => {
    const { node, server } = joined(nodeProvider);
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.boolean(), fc.uint8Array({ maxLength: 300 })), { maxLength: 20 }), (turns) => {
        for (const [up, message] of turns) {
          const [from, to] = up ? [node, server] : [server, node];
          expect(received(to, ok<readonly Uint8Array[]>(from.seal(message)))).toEqual(message);
        }
      }),
      { numRuns: 20 },
    );
  });

  it('has no record longer than Noise allows', () => {
    const { node } = joined(nodeProvider);
    const lengths = ok<readonly Uint8Array[]>(node.seal(new Uint8Array(2 * MAX_PIECE + 1))).map(({ length }) => length);
    expect(lengths).toEqual([MAX_RECORD, MAX_RECORD, 18]);
  });

  const hostile: readonly (readonly [string, (records: readonly Uint8Array[]) => readonly Uint8Array[], string])[] = [
    ['repeated', ([first]) => [first, first], 'record-auth'],
    ['left out', ([, second]) => [second], 'record-auth'],
    ['after one that ended it', ([first, second]) => [second, first], 'closed'],
    ['cut short', ([first]) => [first.subarray(0, first.length - 1)], 'record-auth'],
    ['of a tag only', () => [new Uint8Array(16)], 'record-short'],
    ['empty', () => [new Uint8Array(0)], 'record-short'],
    ['too long', () => [new Uint8Array(MAX_RECORD + 1)], 'record-long'],
  ];
  it.each(hostile)('ends at a record that is %s', (_what, tamper, fault) => {
    const { node, server } = joined(nodeProvider);
    const sent = ['one', 'two'].flatMap((text) => [...ok<readonly Uint8Array[]>(node.seal(utf8(text)))]);
    expect(lastOf(server, tamper(sent))).toBe(fault);
    expect(server.closed).toBe(true);
    expect(server.open(sent[0])).toBe('closed');
    expect(server.seal(utf8('x'))).toBe('closed');
  });

  it('ends at any changed bit', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 100 }),
        fc.nat(),
        fc.integer({ min: 1, max: 255 }),
        (message, at, flip) => {
          const { node, server } = joined(nodeProvider);
          const [record] = ok<readonly Uint8Array[]>(node.seal(message));
          record[at % record.length] ^= flip;
          expect(server.open(record)).toBe('record-auth');
        },
      ),
      { numRuns: 50 },
    );
  });

  it('does not open what the same side sent: nothing can be sent back', () => {
    const { node } = joined(nodeProvider);
    const [record] = ok<readonly Uint8Array[]>(node.seal(utf8('x')));
    expect(node.open(record)).toBe('record-auth');
  });
});

describe('a record of a peer that follows no rules', () => {
  const cases: readonly (readonly [string, readonly Uint8Array[], string])[] = [
    ['with a flag that is not ours', [Uint8Array.of(0x02, 1)], 'record-flags'],
    ['that is not full and says that more follows', [Uint8Array.of(0x01, 1, 2, 3)], 'record-cut'],
    ['that is empty and says that more follows', [Uint8Array.of(0x01)], 'record-cut'],
    ['that adds nothing', [full(0x01), Uint8Array.of(0x00)], 'record-cut'],
    ['of a message that is too long', [full(0x01), full(0x01), full(0x01)], 'record-message-long'],
  ];
  it.each(cases)('W1: %s ends the channel', (_what, plains, fault) => {
    const sender = new CipherState(nodeProvider, seedOf('key'));
    const channel = channelWith({ mostReceived: 2 * MAX_PIECE });
    expect(
      lastOf(
        channel,
        plains.map((plain) => sender.seal(NO_DATA, plain)),
      ),
    ).toBe(fault);
    expect(channel.closed).toBe(true);
  });

  it('is one too many at the limit, in either direction', () => {
    const channel = channelWith({ limit: 2 });
    expect(channel.seal(new Uint8Array(3 * MAX_PIECE))).toBe('record-limit');
    const [sender, receiver] = [channelWith({ limit: 3 }), channelWith({ limit: 2 })];
    const records = ['a', 'b', 'c'].flatMap((text) => [...ok<readonly Uint8Array[]>(sender.seal(utf8(text)))]);
    expect(lastOf(receiver, records)).toBe('record-limit');
  });
});

describe('the keys of a channel', () => {
  it('change with every message, so that what was sent cannot be opened later', () => {
    const seen: string[] = [];
    const spy = { ...nodeProvider, chachaSeal: sealSeen(seen) };
    const channel = new RecordChannel({
      ...keysOf('key'),
      send: new CipherState(spy, seedOf('key')),
      mostReceived: 10,
    });
    channel.seal(utf8('one'));
    channel.seal(utf8('two'));
    const [first, rekeyed, second] = seen;
    expect(rekeyed).toBe(first);
    expect(second).not.toBe(first);
  });

  it('change as Noise says: the old key seals 32 zeros under the last nonce', () => {
    const key = seedOf('key');
    const nonce = Uint8Array.of(0, 0, 0, 0, 255, 255, 255, 255, 255, 255, 255, 255);
    const next = nodeProvider.chachaSeal(key, nonce, NO_DATA, new Uint8Array(32)).subarray(0, 32);
    const cipher = new CipherState(nodeProvider, key.slice());
    cipher.rekey();
    expect(cipher.seal(NO_DATA, utf8('x'))).toEqual(
      nodeProvider.chachaSeal(next, new Uint8Array(12), NO_DATA, utf8('x')),
    );
  });

  it('and the pieces of an unfinished message are overwritten when it ends', () => {
    const keys = { send: seedOf('a'), receive: seedOf('b') };
    const cipher = (key: Uint8Array) => new CipherState(nodeProvider, key);
    const channel = new RecordChannel({ ...keysOf('b'), send: cipher(keys.send), receive: cipher(keys.receive) });
    channel.close();
    expect(concat(keys.send, keys.receive)).toEqual(new Uint8Array(64));
    expect(channel.seal(utf8('x'))).toBe('closed');
  });
});

function keysOf(name: string) {
  const cipher = () => new CipherState(nodeProvider, seedOf(name));
  return { send: cipher(), receive: cipher(), hash: new Uint8Array(32), mostReceived: 1 << 20 };
}

function channelWith(change: { readonly mostReceived?: number; readonly limit?: number }): RecordChannel {
  return new RecordChannel({ ...keysOf('key'), ...change });
}

function sealSeen(seen: string[]): typeof nodeProvider.chachaSeal {
  return (key, nonce, aad, plaintext) => {
    seen.push(key.join());
    return nodeProvider.chachaSeal(key, nonce, aad, plaintext);
  };
}

function full(flags: number): Uint8Array {
  const plain = new Uint8Array(1 + MAX_PIECE);
  plain[0] = flags;
  return plain;
}

/** The message that the records bring: the last gives it, those before give nothing. */
function received(channel: RecordChannel, records: readonly Uint8Array[]): unknown {
  const results = records.map((record) => channel.open(record));
  expect(results.slice(0, -1).every((result) => typeof result === 'object' && result.message === undefined)).toBe(true);
  const last = results.at(-1);
  return typeof last === 'object' ? last.message : last;
}

function lastOf(channel: RecordChannel, records: readonly Uint8Array[]): unknown {
  return records.map((record) => channel.open(record)).at(-1);
}
