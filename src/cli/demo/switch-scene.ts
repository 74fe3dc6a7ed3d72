import type { PitListAnswer } from '../../api/pit.ts';
import type { PingAnswer, TraceAnswer } from '../../api/questions.ts';
import { watch } from '../control-client.ts';
import type { Lab } from '../lab/lab.ts';
import type { Namespace } from '../lab/namespace.ts';
import type { OverlayNode } from '../lab/overlay.ts';
import { ServedOverlay } from '../lab/served-overlay.ts';
import { until } from '../lab/until.ts';
import { pitTable } from '../pit/flow-table.ts';
import { bitRate, milliseconds } from '../units.ts';
import { type Gateway, layGateway, NETWORK, showGateway } from './gateway-scene.ts';
import { type Transfer, transfer } from './transfer.ts';

const MTU = 1_420;

/** A server and two machines on one switch: messages, tables, a transfer, a key rollover under it; a router, and a guest. */
export async function showSwitch(lab: Lab, seconds: number, say: (text: string) => void) {
  say('A server and two machines, left and right, on one switch. Each machine joins with a token.');
  const scene = await build(lab);
  const { left, right, a, b } = scene;
  const joined = (scene.joinMs / 1000).toFixed(1);
  say(`   both have joined the group "office" and hold the same key after ${joined} s, their own start included`);
  say('\n1. The first packet: held while DPRP runs, then delivered.');
  const messages = await firstPacket(a, b, say);
  say('\n2. The Process Information Table of each.');
  for (const node of [a, b]) {
    const { entries } = await node.ask<PitListAnswer>({ verb: 'pit-list', limit: 20 });
    say(`\n${node.name}:\n${pitTable(entries)}`);
  }
  say(
    `\n3. A transfer of ${seconds} s over the bare link, then through the overlay with a key rollover in the middle.`,
  );
  const bare = await transfer(lab, left, right, '10.99.0.2', seconds);
  say(`   bare link:  ${bitRate(bare.bitsPerSecond)}`);
  const rolled = await withRoll(lab, scene, seconds, say);
  const share = Math.round((100 * rolled.bitsPerSecond) / bare.bitsPerSecond);
  say(
    `   overlay:    ${bitRate(rolled.bitsPerSecond)} (${share} % of the bare link, encrypted, with a new key from the middle on)`,
  );
  say(`   beside it:  ${rolled.sent} numbered datagrams, ${rolled.lost} lost, ${rolled.duplicates} twice`);
  say(`   packets lost to the key change: ${rolled.lostByKeys}`);
  say(
    '\n4. Behind gate, a router of the group "office" (GEN): printer, a plain machine, and guest, which is in the group "guests" with right.',
  );
  const pairs = await showGateway(a, b, scene.gateway, say);
  return { joinMs: scene.joinMs, messages, bare, overlay: rolled, pairs };
}

interface Scene {
  readonly server: ServedOverlay;
  /** from the start of the two nodes until both had the same key */
  readonly joinMs: number;
  readonly left: Namespace;
  readonly right: Namespace;
  readonly a: OverlayNode;
  readonly b: OverlayNode;
  readonly gateway: Gateway;
}

async function build(lab: Lab): Promise<Scene> {
  const names = ['server', 'left', 'right', 'gate'];
  const [office, left, right, router] = names.map((name) => lab.namespace(name));
  const machines = [office, left, right, router].map((namespace, at) => ({
    namespace,
    device: 'cable',
    addresses: [`10.99.0.${at === 0 ? 254 : at}/24`],
  }));
  lab.bridge('switch', machines);
  const server = await ServedOverlay.start(
    lab,
    office,
    '10.99.0.254:47247',
    ['office', 'guests'],
    ['--network', 'demo'],
  );
  const a = await server.add('left', left, ['office']);
  const b = await server.add('right', right, ['office', 'guests']);
  // what is not enrolled yet asks the server by the router's ordinary routes, and the answers have to find back
  office.route(NETWORK, '10.99.0.3');
  const gateway = await layGateway(lab, server, router);
  const begin = performance.now();
  a.start({ listen: '10.99.0.1:47247', mtu: MTU });
  b.start({ listen: '10.99.0.2:47247', mtu: MTU });
  await inOneGroup([a, b]);
  const joinMs = performance.now() - begin;
  await gateway.gate.ready();
  return { server, joinMs, left, right, a, b, gateway };
}

/** Each brings a new version of the key with it; the server tells both which one is in force in the end. */
async function inOneGroup(nodes: readonly OverlayNode[]): Promise<void> {
  await Promise.all(nodes.map((node) => node.ready()));
  await until('both machines to know each other, and one key', async () => {
    const all = await Promise.all(nodes.map((node) => node.status()));
    const [first] = all.map(({ groups }) => groups[0]?.version);
    return all.every(
      ({ groups: [group], peers }) =>
        group?.version === first && group.next === null && peers.some(({ path }) => path.endpoint !== null),
    );
  });
}

async function firstPacket(a: OverlayNode, b: OverlayNode, say: (text: string) => void): Promise<TraceAnswer[]> {
  const seen: TraceAnswer[] = [];
  const following = watch<TraceAnswer>(a.socket, { verb: 'trace' }, (trace) => void seen.push(trace));
  following.catch(() => undefined);
  // the trace is a stream without a first line: a status answered later than it was asked shows that it runs
  await a.status();
  const address = await b.address();
  const ping = await a.namespace.attempt(['ping', '-c', '1', '-W', '3', address], { seconds: 5 });
  if (ping.code !== 0) await a.ask<PingAnswer>({ verb: 'ping', target: 'right', count: 1, timeoutMs: 3_000 });
  await until('the four messages of DPRP', () => seen.some(({ message }) => message === 'CDN'), { seconds: 5 });
  const begin = seen[0].at;
  // a message that goes by a second path, too, is the same message
  const messages = seen.filter((each, at) => seen.findIndex(({ message }) => message === each.message) === at);
  for (const { message, direction, at } of messages.slice(0, 4))
    say(
      `   ${message.padEnd(5)} ${direction === 'out' ? 'left ──► right' : 'left ◄── right'}   after ${milliseconds(at - begin)}`,
    );
  const reply = /time=([\d.]+) ms/.exec(ping.stdout);
  if (reply) say(`   the ping that began it was answered after ${reply[1]} ms, 0 packets lost`);
  const warm = await a.ask<PingAnswer>({ verb: 'ping', target: 'right', count: 5, timeoutMs: 2_000 });
  const times = warm.replies.map(({ rttMs }) => rttMs).sort((x, y) => x - y);
  say(
    `   further round trips through the overlay: ${milliseconds(times[times.length >> 1])} (median of ${times.length})`,
  );
  return messages.slice(0, 4);
}

/** Rolls the group's key in the middle of a transfer; the server tells both nodes. */
async function withRoll(
  lab: Lab,
  scene: Scene,
  seconds: number,
  say: (text: string) => void,
): Promise<Transfer & { readonly lostByKeys: number }> {
  const { server, left, right, a, b } = scene;
  const running = transfer(lab, left, right, await b.address(), seconds);
  await new Promise((resolve) => setTimeout(resolve, (seconds * 1000) / 3));
  const before = (await a.status()).groups[0].version;
  const refusedBefore = await refusedByKeys(scene);
  await server.admin.post('/groups/office/roll', { in: 0 });
  const result = await running;
  const refusedAfter = await refusedByKeys(scene);
  const { groups, peers } = await a.status();
  const inUse = peers[0].sas.find(({ sending }) => sending)?.version;
  say(`   rollover:   key version ${before} → ${groups[0].version}; traffic now under version ${inUse}`);
  return { ...result, lostByKeys: refusedAfter - refusedBefore };
}

/** Datagrams that either node could not open: what a key change may never cause. */
async function refusedByKeys({ a, b }: Scene): Promise<number> {
  const reasons = ['unknown-index', 'no-key', 'replayed', 'too-old', 'auth-failed'];
  const all = await Promise.all([a.metrics(), b.metrics()]);
  return all
    .flatMap((metrics) => reasons.map((reason) => metrics.get(`gscip_packets_total{event="${reason}"}`) ?? 0))
    .reduce((sum, count) => sum + count, 0);
}
