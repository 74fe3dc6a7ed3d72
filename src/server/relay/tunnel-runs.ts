import { formatPath, type PathAddress } from '../../base/path-address.ts';
import { RELAY_END, RELAY_RUN } from '../../base/relay-primitives.ts';
import { TUNNEL_PREFIX } from '../../nat/tunnel-address.ts';
import { wordsOf } from './channels.ts';

const [FIRST, SECOND] = wordsOf(TUNNEL_PREFIX);

/** Takes those runs (RELAY_RUN) out of a batch that go to nodes behind tunnels, and hands them over; returns how many remain, in their order. */
export function takeTunnelRuns(
  runs: Int32Array,
  count: number,
  ends: Int32Array,
  take: (offset: number, length: number, segment: number, to: PathAddress) => void,
): number {
  let kept = 0;
  for (let run = 0; run < count * RELAY_RUN.stride; run += RELAY_RUN.stride) {
    const end = runs[run + RELAY_RUN.end] * RELAY_END.stride;
    if (isTunnel(ends, end)) {
      take(
        runs[run + RELAY_RUN.offset],
        runs[run + RELAY_RUN.length],
        runs[run + RELAY_RUN.segment],
        pathOf(ends, end),
      );
      continue;
    }
    if (kept * RELAY_RUN.stride !== run) runs.copyWithin(kept * RELAY_RUN.stride, run, run + RELAY_RUN.stride);
    kept++;
  }
  return kept;
}

function isTunnel(ends: Int32Array, end: number): boolean {
  const at = end + RELAY_END.address;
  return ends[end + RELAY_END.family] === 6 && ends[at] === FIRST && ends[at + 1] === SECOND;
}

function pathOf(ends: Int32Array, end: number): PathAddress {
  const words = ends.slice(end + RELAY_END.address, end + RELAY_END.address + 4);
  return formatPath(6, new Uint8Array(words.buffer), ends[end + RELAY_END.port]);
}
