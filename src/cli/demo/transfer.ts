import type { Lab } from '../lab/lab.ts';
import type { Namespace } from '../lab/namespace.ts';
import { PROJECT, pinnedNode } from '../lab/pinned-node.ts';
import { until } from '../lab/until.ts';

const UDP_RATE = 2_000;
const TCP_PORT = 5_201;
const UDP_PORT = 5_202;

/** What a TCP stream and numbered datagrams beside it came to. */
export interface Transfer {
  readonly bitsPerSecond: number;
  /** milliseconds in which nothing of the TCP stream arrived, at most */
  readonly longestGapMs: number;
  readonly sent: number;
  readonly lost: number;
  readonly duplicates: number;
}

/** One TCP stream at full speed with numbered datagrams beside it; throws when the connection breaks. */
export async function transfer(
  lab: Lab,
  from: Namespace,
  to: Namespace,
  address: string,
  seconds: number,
): Promise<Transfer> {
  const tool = [pinnedNode(), `${PROJECT}dist/cli/lab/demo-traffic.js`];
  const receiver = lab.start(to.name, [...tool, 'receive', address, `${TCP_PORT}`, `${UDP_PORT}`], {
    seconds: seconds + 30,
  });
  await until('the receiver', () => receiver.stdout().includes('ready'));
  const udp = lab.start(from.name, [...tool, 'udp', address, `${UDP_PORT}`, `${seconds}`, `${UDP_RATE}`]);
  const tcp = lab.start(from.name, [...tool, 'tcp', address, `${TCP_PORT}`, `${seconds}`]);
  const [received, sent] = await Promise.all([receiver.finished(), udp.finished(), tcp.finished()]);
  const got: { bytes: number; seconds: number; longestGapMs: number; datagrams: number; duplicates: number } = lastLine(
    received.stdout,
  );
  const made: { sent: number } = lastLine(sent.stdout);
  return {
    bitsPerSecond: (8 * got.bytes) / got.seconds,
    longestGapMs: got.longestGapMs,
    sent: made.sent,
    lost: made.sent - got.datagrams,
    duplicates: got.duplicates,
  };
}

function lastLine(text: string) {
  return JSON.parse(text.trim().split('\n').at(-1) ?? '{}');
}
