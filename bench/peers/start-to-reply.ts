import { GscipError } from '../../src/base/errors.ts';
import { median } from '../tools/statistics.ts';
import type { Bed, Peer, Tunnel } from './peer.ts';

/** A tunnel that answers, and what its start cost. */
export interface Started {
  readonly tunnel: Tunnel;
  /** from starting the processes to the first answered ping */
  readonly startMs: number;
  /** round trip of the first ping minus the median of the last twenty: what a handshake on demand costs, NaN if the first was lost */
  readonly firstRttMs: number;
}

/** Starts a peer and pings through it every 20 ms from the first moment its address is there. */
export async function startToReply(peer: Peer, bed: Bed): Promise<Started> {
  await peer.prepare(bed);
  const began = Date.now();
  const tunnel = await peer.start(bed);
  for (let attempt = 0; attempt < 10; attempt++) {
    const { stdout } = await bed.a.attempt(['ping', '-D', '-n', '-i', '0.02', '-c', '60', '-w', '5', tunnel.address]);
    const replies = [...stdout.matchAll(/^\[([\d.]+)\].*icmp_seq=(\d+).*time=([\d.]+)/gm)];
    const first = replies[0];
    if (first === undefined) continue;
    const steady = median(replies.slice(-20).map((reply) => Number(reply[3])));
    return {
      tunnel,
      startMs: Number(first[1]) * 1000 - began,
      firstRttMs: first[2] === '1' ? Number(first[3]) - steady : Number.NaN,
    };
  }
  const said = [tunnel.aProcess, tunnel.bProcess].map((each) => each?.stderr().slice(-500) ?? '').join('\n');
  throw new GscipError('bench-no-reply', `${peer.name} never answered: ${said}`);
}
