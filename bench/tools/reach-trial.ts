import { setTimeout as pause } from 'node:timers/promises';
import { toHex } from '../../src/base/bytes.ts';
import { capture } from '../../test/netns/capture.ts';
import { SERVER } from '../../test/netns/nat/sites.ts';
import type { ReachBed } from './reach-bed.ts';
import { type Received, SEQ_PORT, startReceiver, startSending } from './seq-udp.ts';
import { type Datagram, datagrams } from './udp-frames.ts';

/** First bytes of what is told apart on the wire (protocol.md 1.2). */
const KIND = { data: 0x10, frame: 0x20, request: 0x38, response: 0x39 } as const;
/** Of the application's datagrams: larger than whatever nodes say to each other inside an SA. */
const SIZE = 400;

/** What came of one cold start: nodes that know nothing of each other's path, and a flow that begins at once. */
export interface ColdStart {
  /** from the first packet's entry into one interface to its exit from the other, in ms; undefined: it never came */
  readonly firstMs: number | undefined;
  /** from there on until the application's datagrams went directly; undefined: they did not */
  readonly directMs: number | undefined;
  readonly sent: number;
  readonly received: Received;
  /** most requests of one attempt, by either side, and all that was sent to find a path */
  readonly requests: number;
  readonly probes: number;
}

/** Starts both nodes anew and sends a flow from one to the other for some seconds. */
export async function coldStart(bed: ReachBed, rate: number, seconds: number): Promise<ColdStart> {
  await bed.restart();
  const [a, b] = [bed.a.node, bed.b.node];
  const address = await b.address();
  const watched = await Promise.all([
    capture(bed.lab, a.namespace, a.device),
    capture(bed.lab, b.namespace, b.device),
    capture(bed.lab, a.namespace, 'eth0'),
    capture(bed.lab, b.namespace, 'eth0'),
  ]);
  const receiver = await startReceiver(b.namespace, address);
  const sending = startSending(a.namespace, address, rate, SIZE);
  await pause(seconds * 1_000);
  bed.rememberFlows(1);
  await pause(200);
  const { sent } = await sending.stop();
  await pause(500);
  const received = await receiver.stop();
  const [aInside = [], bInside = [], aWire = [], bWire = []] = await Promise.all(
    watched.map(async (each, at) => datagrams(await each.stop(), at < 2 ? 'tun' : 'ethernet')),
  );
  const entered = firstTo(aInside, SEQ_PORT);
  const left = firstTo(bInside, SEQ_PORT);
  const direct = aWire.find((each) => each.from === bed.a.site.address && isDirect(each) && isData(each));
  const since = (later: number | undefined) =>
    entered === undefined || later === undefined ? undefined : (later - entered) * 1_000;
  return {
    firstMs: since(left),
    directMs: since(direct?.seconds),
    sent,
    received,
    ...probesOf(aWire, bed.a.site.address, bWire, bed.b.site.address),
  };
}

function firstTo(all: readonly Datagram[], port: number): number | undefined {
  return all.find(({ toPort }) => toPort === port)?.seconds;
}

function isServer(address: string): boolean {
  return address === SERVER.first || address === SERVER.second;
}

function isDirect({ to }: Datagram): boolean {
  return !isServer(to);
}

function isData({ payload }: Datagram): boolean {
  return payload[0] === KIND.data && payload.length > SIZE;
}

/** Counts requests by attempt: each has a path id of its own in its bytes 4 to 11. */
function probesOf(aWire: readonly Datagram[], a: string, bWire: readonly Datagram[], b: string) {
  const own = [...aWire.filter(({ from }) => from === a), ...bWire.filter(({ from }) => from === b)];
  const attempts = new Map<string, number>();
  let probes = 0;
  for (const { from, payload } of own) {
    if (payload[0] !== KIND.request && payload[0] !== KIND.response) continue;
    probes++;
    if (payload[0] === KIND.response) continue;
    const attempt = `${from} ${toHex(payload.subarray(4, 12))}`;
    attempts.set(attempt, (attempts.get(attempt) ?? 0) + 1);
  }
  return { requests: Math.max(0, ...attempts.values()), probes };
}

/** What an idle pair and its coordinator cost: datagrams of each side in 25 s. */
export interface Idle {
  readonly seconds: number;
  /** the busier side's, to the peer, directly or by the relay */
  readonly toPeer: number;
  /** the busier side's, to coordinator and relay for themselves */
  readonly toServer: number;
}

const IDLE_UNIT = 25;

/** Paths are compared and searched for a minute after the last packet; keys are renewed for the last time after two. */
const SETTLED_MS = 130_000;

/** Watches two nodes that have an SA and a path and no traffic. */
export async function idlePair(bed: ReachBed, seconds: number): Promise<Idle> {
  await bed.restart();
  await bed.a.node.namespace.attempt(['ping', '-c', '20', '-i', '0.1', '-W', '2', await bed.b.node.address()]);
  await pause(SETTLED_MS);
  const sides = [bed.a, bed.b];
  const watched = await Promise.all(sides.map(({ node }) => capture(bed.lab, node.namespace, 'eth0')));
  await pause(seconds * 1_000);
  const counts = await Promise.all(
    watched.map(async (each, at) => {
      const own = datagrams(await each.stop(), 'ethernet').filter(({ from }) => from === sides[at]?.site.address);
      const toPeer = own.filter((one) => isDirect(one) || one.payload[0] === KIND.frame).length;
      return { toPeer, toServer: own.length - toPeer };
    }),
  );
  const most = (pick: (count: { toPeer: number; toServer: number }) => number) =>
    (Math.max(...counts.map(pick)) * IDLE_UNIT) / seconds;
  return { seconds, toPeer: most(({ toPeer }) => toPeer), toServer: most(({ toServer }) => toServer) };
}
