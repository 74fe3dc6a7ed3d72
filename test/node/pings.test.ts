import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { nodeId } from '../../src/base/brands.ts';
import { Pings } from '../../src/node/pings.ts';

const TARGET = { id: nodeId('11'.repeat(16)), name: 'b', address: '100.64.0.2' };
const PATH = '192.0.2.2:47247';

/** Pings whose challenges are answered after so many milliseconds, or never. */
function pings(answerAfter: number | undefined, sendableAfter = 0) {
  const sent: Uint8Array[] = [];
  let drawn = 0;
  const begin = performance.now();
  const made: Pings = new Pings({
    random: (length) => new Uint8Array(length).fill(++drawn),
    challenge: (_, token) => {
      if (performance.now() - begin < sendableAfter) return false;
      sent.push(token);
      if (answerAfter !== undefined) setTimeout(() => made.handleResponse(token, PATH), answerAfter);
      return true;
    },
  });
  return { pings: made, sent };
}

/** The answer, with made-up time running as it must. */
async function settled<T>(answer: Promise<T>, most = 20_000): Promise<T> {
  const [result] = await Promise.all([answer, vi.advanceTimersByTimeAsync(most)]);
  return result;
}

describe('ping', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it('tells round trip and path of each reply', async () => {
    const { pings: made, sent } = pings(30);
    const answer = await settled(made.ping(TARGET, 3, 1_000));
    const reply = { rttMs: 30, path: `direct ${PATH}` };
    expect(answer).toEqual({
      schema: 1,
      target: 'b',
      address: '100.64.0.2',
      replies: [reply, reply, reply],
      sent: 3,
      lost: 0,
    });
    // each asks with a token of its own
    expect(new Set(sent.map(String)).size).toBe(3);
  });

  it('counts as lost what does not come in time', async () => {
    const { pings: made } = pings(1_500);
    expect(await settled(made.ping(TARGET, 2, 1_000))).toMatchObject({ replies: [], sent: 2, lost: 2 });
  });

  it('waits for an SA, and does not count that time as the round trip', async () => {
    const { pings: made } = pings(10, 400);
    const { replies } = await settled(made.ping(TARGET, 1, 1_000));
    expect(replies).toEqual([{ rttMs: 10, path: `direct ${PATH}` }]);
  });

  it('gives up when there is no SA in time', async () => {
    const { pings: made, sent } = pings(10, 5_000);
    expect(await settled(made.ping(TARGET, 1, 1_000))).toMatchObject({ lost: 1 });
    expect(sent).toEqual([]);
  });

  it('takes no response twice, and none that it did not ask for', async () => {
    const { pings: made, sent } = pings(undefined);
    const answer = made.ping(TARGET, 1, 1_000);
    made.handleResponse(new Uint8Array(8).fill(99), PATH);
    await vi.advanceTimersByTimeAsync(100);
    made.handleResponse(sent[0], PATH);
    made.handleResponse(sent[0], 'elsewhere');
    expect((await settled(answer)).replies).toEqual([{ rttMs: 100, path: `direct ${PATH}` }]);
  });
});
