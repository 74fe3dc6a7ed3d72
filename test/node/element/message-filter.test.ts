import { describe, expect, it } from 'vitest';
import { MESSAGE } from '../../../src/base/primitives.ts';
import { MessageFilter } from '../../../src/node/element/message-filter.ts';

const { stride } = MESSAGE;
const SEGMENT = 4;

/** Rows of runs: each letter is one datagram of four bytes behind a prefix, upper case for those that are to be taken. */
function run(runs: readonly string[], prefix = 0, room = runs.length) {
  const arena = new TextEncoder().encode(runs.map((text) => text.replaceAll(/./g, '$&$&$&$&')).join(''));
  const messages = new Int32Array(room * stride);
  let at = 0;
  for (const [row, text] of runs.entries()) {
    messages[row * stride + MESSAGE.offset] = at;
    messages[row * stride + MESSAGE.length] = text.length * SEGMENT;
    messages[row * stride + MESSAGE.segment] = SEGMENT;
    messages[row * stride + MESSAGE.prefix] = prefix;
    messages[row * stride + MESSAGE.port] = 1_000 + row;
    at += text.length * SEGMENT;
  }
  const taken: string[] = [];
  const count = new MessageFilter().pass(arena, messages, runs.length, (bytes, rows, row) => {
    const text = new TextDecoder().decode(bytes);
    if (text === text.toLowerCase()) return false;
    taken.push(`${text} ${rows[row + MESSAGE.port]}`);
    return true;
  });
  const left = Array.from({ length: count }, (_, row) => {
    const of = (field: number) => messages[row * stride + field];
    const bytes = arena.subarray(of(MESSAGE.offset), of(MESSAGE.offset) + of(MESSAGE.length));
    return `${new TextDecoder().decode(bytes).replaceAll(/(.)\1{3}/g, '$1')} ${of(MESSAGE.port)}`;
  });
  return { left, taken };
}

describe('datagrams that are taken out of received runs', () => {
  it.each([
    ['none', ['abc', 'd'], ['abc 1000', 'd 1001'], 0],
    ['all', ['ABC', 'D'], [], 4],
    ['a whole run', ['abc', 'DE', 'f'], ['abc 1000', 'f 1002'], 2],
    ['the first and the last', ['AbcD'], ['bc 1000'], 2],
    ['what a former run made room for', ['AB', 'cDe'], ['c 1001', 'e 1001'], 3],
  ] as const)('%s: the others stay, in their order', (_, runs, left, count) => {
    const result = run(runs);
    expect(result.left).toEqual(left);
    expect(result.taken.length).toBe(count);
  });

  it('are seen behind their prefix, with the row that they came in', () => {
    expect(run(['aB', 'C'], 1).taken).toEqual(['BBB 1000', 'CCC 1001']);
  });

  it('cut a run, and what does not fit the table any more is dropped', () => {
    expect(run(['aBcDe'], 0, 2).left).toEqual(['a 1000', 'c 1000']);
    expect(run(['aBcDe'], 0, 3).left).toEqual(['a 1000', 'c 1000', 'e 1000']);
  });
});
