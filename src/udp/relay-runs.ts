import { RELAY_END, RELAY_RUN } from '../base/relay-primitives.ts';

/** One run of a relay, and the address that it goes to. */
export interface RelayRun {
  readonly offset: number;
  readonly length: number;
  readonly segment: number;
  /** 4 or 16 bytes */
  readonly address: Uint8Array;
  readonly port: number;
}

/** The runs of a table one by one, for who sends them without the addon. */
export function* eachRun(runs: Int32Array, count: number, ends: Int32Array): Generator<RelayRun> {
  for (let run = 0; run < count * RELAY_RUN.stride; run += RELAY_RUN.stride) {
    const end = runs[run + RELAY_RUN.end] * RELAY_END.stride;
    const words = ends.slice(end + RELAY_END.address, end + RELAY_END.address + 4);
    yield {
      offset: runs[run + RELAY_RUN.offset],
      length: runs[run + RELAY_RUN.length],
      segment: runs[run + RELAY_RUN.segment],
      address: new Uint8Array(words.buffer, 0, ends[end + RELAY_END.family] === 4 ? 4 : 16),
      port: ends[end + RELAY_END.port],
    };
  }
}
