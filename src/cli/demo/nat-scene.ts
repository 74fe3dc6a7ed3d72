import { setTimeout as pause } from 'node:timers/promises';
import type { PingAnswer } from '../../api/questions.ts';
import type { PeerStatus } from '../../api/status.ts';
import type { Lab } from '../lab/lab.ts';
import type { Namespace } from '../lab/namespace.ts';
import { NAT_BEHAVIOURS, natBox } from '../lab/nat-box.ts';
import type { OverlayNode } from '../lab/overlay.ts';
import { ServedOverlay } from '../lab/served-overlay.ts';
import { until } from '../lab/until.ts';
import { bitRate, milliseconds } from '../units.ts';
import { type Transfer, transfer } from './transfer.ts';

/** A network with a NAT: its number names the addresses. */
interface Home {
  readonly name: string;
  readonly kind: keyof typeof NAT_BEHAVIOURS;
  readonly number: number;
}

const OFFICE: Home = { name: 'office', kind: 'port-restricted', number: 11 };
const FLAT: Home = { name: 'flat', kind: 'address-restricted', number: 12 };
const CAFE: Home = { name: 'cafe', kind: 'full cone', number: 13 };
const SERVER = '198.51.100.1';
const PORT = 47_247;

/** A path that traffic took, and since when. */
interface Taken {
  readonly afterMs: number;
  readonly path: string;
}

/** Two machines behind NATs of different kinds, one of which moves to another network under a running transfer. */
export async function showNats(lab: Lab, seconds: number, say: (text: string) => void) {
  say('\nA server on an Internet of its own; a desk behind the NAT of an office, a laptop behind that of a flat.');
  const { desk, laptop } = await build(lab);
  say(`   office: ${OFFICE.kind}; flat: ${FLAT.kind}; nothing can be reached from outside unasked`);
  say('\n5. The laptop pings the desk: through the relay first, straight as soon as a probe was answered.');
  const paths = await firstPaths(laptop);
  for (const { afterMs, path } of paths)
    say(`   after ${milliseconds(afterMs)}: ${isRelay(path) ? 'through the relay' : `straight to ${path}`}`);
  say(`\n6. A transfer of ${seconds} s; in the middle of it the laptop leaves the flat and enters a cafe.`);
  const moved = await underway(lab, laptop, desk, seconds);
  const after = await peerOf(laptop, 'desk');
  say(`   one TCP connection over both networks: ${bitRate(moved.bitsPerSecond)}; it never broke`);
  say(`   longest pause in it: ${milliseconds(moved.longestGapMs)}`);
  say(`   path afterwards: ${after?.path.kind}, ${after?.path.endpoint}`);
  return { paths, moved, kindAfter: after?.path.kind ?? 'none' };
}

async function build(lab: Lab): Promise<{ readonly desk: OverlayNode; readonly laptop: OverlayNode }> {
  const server = lab.namespace('provider');
  const routers = [OFFICE, FLAT, CAFE].map((home) => ({ home, router: lab.router(home.name) }));
  lab.bridge('internet', [
    { namespace: server, device: 'cable', addresses: [`${SERVER}/24`] },
    ...routers.map(({ home, router }) => ({ namespace: router, device: 'wan', addresses: [`${outer(home)}/24`] })),
  ]);
  const [desk, laptop] = [lab.namespace('desk'), lab.namespace('laptop')];
  for (const { home, router } of routers) {
    natBox(router, outer(home), NAT_BEHAVIOURS[home.kind]);
    const machine = home === OFFICE ? desk : laptop;
    lab.link(
      { namespace: router, device: 'lan', addresses: [`192.168.${home.number}.1/24`] },
      { namespace: machine, device: home.name, addresses: home === CAFE ? [] : [inner(home)] },
    );
  }
  desk.route('default', `192.168.${OFFICE.number}.1`);
  laptop.route('default', `192.168.${FLAT.number}.1`);
  const words = ['--roles', 'as,gms,dc,relay', '--network', 'demo', '--advertise', `${SERVER}:${PORT}`];
  const served = await ServedOverlay.start(lab, server, `${SERVER}:${PORT}`, ['team'], words);
  const nodes = {
    desk: await served.add('desk', desk, ['team']),
    laptop: await served.add('laptop', laptop, ['team']),
  };
  for (const node of [nodes.desk, nodes.laptop]) node.start({ listen: `${PORT}` });
  await Promise.all([nodes.desk.ready(), nodes.laptop.ready()]);
  await until('the laptop to know the desk', async () => (await peerOf(nodes.laptop, 'desk')) !== undefined);
  return nodes;
}

/** The paths that the laptop's packets took from the first one until they went straight, as its log tells. */
async function firstPaths(laptop: OverlayNode): Promise<readonly Taken[]> {
  const begin = Date.now();
  await laptop.ask<PingAnswer>({ verb: 'ping', target: 'desk', count: 3, timeoutMs: 5_000 });
  return until('a direct path', () => {
    const moves = (laptop.process?.stderr() ?? '').split('\n').flatMap(moveOf);
    return moves.some(({ path }) => !isRelay(path)) && moves.map(({ at, path }) => ({ afterMs: at - begin, path }));
  });
}

/** A line of the log that says where a peer's traffic goes from now on. */
function moveOf(line: string): { readonly at: number; readonly path: string }[] {
  if (!line.includes('"path-moved"')) return [];
  const said: { readonly time: string; readonly path: string } = JSON.parse(line);
  return [{ at: Date.parse(said.time), path: said.path }];
}

function isRelay(path: string): boolean {
  return path.startsWith('relay:');
}

async function underway(lab: Lab, laptop: OverlayNode, desk: OverlayNode, seconds: number): Promise<Transfer> {
  const running = transfer(lab, laptop.namespace, desk.namespace, await desk.address(), seconds);
  await pause((seconds * 1000) / 3);
  moveToCafe(laptop.namespace);
  return running;
}

/** The old network is gone at once, with its address and its route. */
function moveToCafe(laptop: Namespace): void {
  const lines = [
    `addr flush dev ${FLAT.name}`,
    `link set ${FLAT.name} down`,
    `addr add ${inner(CAFE)} dev ${CAFE.name}`,
    `route add default via 192.168.${CAFE.number}.1`,
  ];
  laptop.now('ip', ['-batch', '-'], `${lines.join('\n')}\n`);
}

async function peerOf(node: OverlayNode, name: string): Promise<PeerStatus | undefined> {
  return (await node.status()).peers.find((peer) => peer.name === name);
}

function outer({ number }: Home): string {
  return `198.51.100.${number}`;
}

function inner({ number }: Home): string {
  return `192.168.${number}.10/24`;
}
