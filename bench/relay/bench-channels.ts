import { type NodeId, nodeId } from '../../src/base/brands.ts';

/** Secret of the relay of the bench, and the channels that it allows: one per flow, each between two nodes of its own. */
export const BENCH_SECRET = new Uint8Array(32).fill(7);
export const FIRST_CHANNEL = 0x5a000000;
export const MOST_FLOWS = 256;

export function channelOf(flow: number): number {
  return FIRST_CHANNEL + flow;
}

/** Who sends on the channel, and who receives. */
export function endsOf(channel: number): readonly [NodeId, NodeId] {
  const number = channel.toString(16).padStart(31, '0');
  return [nodeId(`a${number}`), nodeId(`b${number}`)];
}
