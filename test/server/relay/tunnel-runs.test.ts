import { describe, expect, it } from 'vitest';
import { parsePath, pathAddress } from '../../../src/base/path-address.ts';
import { RELAY_END, RELAY_RUN } from '../../../src/base/relay-primitives.ts';
import { tunnelPath } from '../../../src/nat/tunnel-address.ts';
import { wordsOf } from '../../../src/server/relay/channels.ts';
import { takeTunnelRuns } from '../../../src/server/relay/tunnel-runs.ts';

const tunnel = tunnelPath(Uint8Array.of(1, 2, 3, 4, 5, 6), 0x1_2345);
const PLACES = [pathAddress('1.0.0.0:5'), tunnel, pathAddress('[100:0:1::]:5'), pathAddress('203.0.113.1:5')];

function table() {
  const ends = new Int32Array(PLACES.length * RELAY_END.stride);
  const runs = new Int32Array(PLACES.length * RELAY_RUN.stride);
  for (const [row, place] of PLACES.entries()) {
    const { family, address, port } = parsePath(place);
    const end = row * RELAY_END.stride;
    ends[end + RELAY_END.family] = family;
    ends[end + RELAY_END.port] = port;
    ends.set(wordsOf(address), end + RELAY_END.address);
    runs.set([row * 10, row + 1, row + 2, row], row * RELAY_RUN.stride);
  }
  return { runs, ends };
}

describe('runs to tunnels', () => {
  it('are taken out of a batch, and the others stay in their order', () => {
    const { runs, ends } = table();
    const taken: unknown[] = [];
    const rest = takeTunnelRuns(runs, PLACES.length, ends, (...run) => void taken.push(run));
    expect(taken).toEqual([[10, 2, 3, tunnel]]);
    expect(rest).toBe(3);
    expect([...runs.subarray(0, rest * RELAY_RUN.stride)]).toEqual([0, 1, 2, 0, 20, 3, 4, 2, 30, 4, 5, 3]);
  });

  it('are none of an empty batch', () => {
    const { runs, ends } = table();
    expect(takeTunnelRuns(runs, 0, ends, () => expect.fail())).toBe(0);
  });
});
