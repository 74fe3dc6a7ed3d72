import { describe, expect, it } from 'vitest';
import { type PathAddress, pathAddress, relayPath } from '../../../src/base/path-address.ts';
import { MAX_SEGMENTS } from '../../../src/base/primitives.ts';
import { PassedRuns } from '../../../src/node/element/passed-runs.ts';
import type { NodeEffect } from '../../../src/node/node-effects.ts';

const A = pathAddress('10.0.0.1:47247');
const B = pathAddress('10.0.0.2:47247');
const BELOW = relayPath(pathAddress('10.0.0.3:47247'), 0x01020304);
const FRAME = [0x20, 0, 0, 0, 1, 2, 3, 4];

/** A datagram of one byte again and again. */
function datagram(length: number, byte: number): Uint8Array {
  return new Uint8Array(length).fill(byte);
}

/** What leaves, as lengths and segments; and what each datagram holds. */
function passed(datagrams: readonly (readonly [Uint8Array, PathAddress])[]) {
  const effects: NodeEffect[] = [];
  const runs = new PassedRuns(effects);
  runs.begin();
  for (const [bytes, to] of datagrams) runs.add(bytes, to);
  runs.flush();
  const sent = effects.flatMap((effect) => (effect.kind === 'send-run' ? [effect] : []));
  const single = sent.flatMap(({ bytes, segment, to }) =>
    Array.from({ length: Math.ceil(bytes.length / segment) }, (_, at) => ({
      bytes: bytes.slice(at * segment, (at + 1) * segment),
      to,
    })),
  );
  return { runs: sent.map(({ bytes, segment, to }) => [bytes.length, segment, to] as const), single };
}

describe('ciphertext that passes an element', () => {
  const rows: readonly (readonly [string, readonly (readonly [number, PathAddress])[], readonly unknown[]])[] = [
    [
      'equal ones leave as one run',
      [
        [100, A],
        [100, A],
        [100, A],
      ],
      [[300, 100, A]],
    ],
    [
      'a shorter one ends a run',
      [
        [100, A],
        [40, A],
        [100, A],
      ],
      [
        [140, 100, A],
        [100, 100, A],
      ],
    ],
    [
      'a longer one begins another',
      [
        [40, A],
        [100, A],
      ],
      [
        [40, 40, A],
        [100, 100, A],
      ],
    ],
    [
      'another place begins another',
      [
        [100, A],
        [100, B],
        [100, A],
      ],
      [
        [100, 100, A],
        [100, 100, B],
        [100, 100, A],
      ],
    ],
    [
      'a channel puts its frame before each',
      [
        [100, BELOW],
        [100, BELOW],
      ],
      [[216, 108, BELOW]],
    ],
    [
      'an ending one counts with its frame',
      [
        [100, BELOW],
        [99, BELOW],
      ],
      [[215, 108, BELOW]],
    ],
  ]; // prettier-ignore

  it.each(rows)('%s', (_, given, expected) => {
    expect(passed(given.map(([length, to], at) => [datagram(length, at), to])).runs).toEqual(expected);
  });

  it('a run holds no more than one send may', () => {
    const many = Array.from({ length: MAX_SEGMENTS + 1 }, (): readonly [Uint8Array, PathAddress] => [
      datagram(32, 1),
      A,
    ]);
    expect(passed(many).runs).toEqual([
      [MAX_SEGMENTS * 32, 32, A],
      [32, 32, A],
    ]);
    const large = Array.from({ length: 50 }, (): readonly [Uint8Array, PathAddress] => [datagram(1_400, 1), A]);
    expect(passed(large).runs).toEqual([
      [46 * 1_400, 1_400, A],
      [4 * 1_400, 1_400, A],
    ]);
  });

  it('each datagram arrives whole, in order, and behind its frame, also where a batch is larger than the memory', () => {
    const given = Array.from({ length: 800 }, (_, at): readonly [Uint8Array, PathAddress] => [
      datagram(1_000 + (at % 3), at),
      at % 7 < 4 ? BELOW : A,
    ]);
    const expected = given.map(([bytes, to]) => ({
      bytes: to === BELOW ? Uint8Array.from([...FRAME, ...bytes]) : bytes,
      to,
    }));
    expect(passed(given).single).toEqual(expected);
  });

  it('the next batch uses the same memory again', () => {
    const effects: NodeEffect[] = [];
    const runs = new PassedRuns(effects);
    for (const byte of [1, 2]) {
      runs.begin();
      runs.add(datagram(100, byte), A);
      runs.flush();
    }
    const [first, second] = effects.flatMap((effect) => (effect.kind === 'send-run' ? [effect.bytes] : []));
    expect(first?.byteOffset).toBe(second?.byteOffset);
    expect(first?.buffer).toBe(second?.buffer);
  });
});
