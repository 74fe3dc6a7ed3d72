import type { Command } from 'commander';
import type { PeerStatus, ServerStatus, StatusAnswer } from '../api/status.ts';
import { type AgentOptions, agentFlags } from './agent-options.ts';
import { ask } from './control-client.ts';
import { namesText } from './names-text.ts';
import { examples } from './output.ts';
import { elementLines, gatewayLines } from './status-gateway.ts';
import { table } from './table.ts';
import { bitRate, bytes, seconds } from './units.ts';

interface StatusOptions extends AgentOptions {
  readonly check?: boolean;
}

/** `gscip status` */
export function define(command: Command): void {
  agentFlags(command)
    .option('--check', 'exit with 1 when a health line is there')
    .action(async (options: StatusOptions) => {
      const status = await ask<StatusAnswer>(options.socket, { verb: 'status' });
      console.log(options.json ? JSON.stringify(status) : describe(status));
      if (options.check && status.health.length > 0) process.exitCode = 1;
    });
  examples(command, [
    ['gscip status', 'this node, its groups, and how every peer is reached'],
    ['gscip status --json', 'the same for programs'],
  ]);
}

function describe(status: StatusAnswer): string {
  const parts = [
    nodeLines(status),
    serverLines(status.server),
    gatewayLines(status.gateway),
    elementLines(status.elements),
    groupTable(status),
    peerTable(status.peers),
    healthLines(status),
  ];
  return parts.filter((part) => part !== '').join('\n\n');
}

function nodeLines({ node, dataPath, pit, lock, dns, underlay: { portMapping } }: StatusAnswer): string {
  const offloads = [
    dataPath.tun.tso ? 'TSO' : '',
    dataPath.tun.uso ? 'USO' : '',
    dataPath.udp.gso ? 'GSO' : '',
    dataPath.udp.gro ? 'GRO' : '',
  ].filter((name) => name !== '');
  return [
    `${node.name} (${node.type}, ${node.mode}) in ${node.network}, up for ${seconds(node.uptimeSeconds)}`,
    `  addresses   ${node.addresses.join(', ')} on ${node.interface}, MTU ${node.mtu} bytes`,
    `  listening   UDP ${node.listen}${portMapping ? `, reached from outside at ${portMapping.external} (${portMapping.by})` : ''}`,
    `  packets     by ${dataPath.primitives}${dataPath.workers > 1 ? ` in ${dataPath.workers} threads` : ''}; offloads in use: ${offloads.join(', ') || 'none'}`,
    `  flows       ${pit.entries} of ${pit.capacity}, ${pit.heldPackets} packets held`,
    `  clear text  ${LOCK_TEXT[lock.state]}`,
    `  names       ${namesText(dns)}`,
  ].join('\n');
}

const LOCK_TEXT = {
  closed: 'none: the lock lets only members through',
  guard: 'with strangers; never to or from overlay addresses',
  open: 'passes, although this node is closed: see below',
  none: 'nothing holds it back',
} as const satisfies Record<StatusAnswer['lock']['state'], string>;

function serverLines(server: ServerStatus): string {
  const atRest = `  at rest     ${server.atRest}`;
  if (server.url === null) return `Keys from an authority's file, without a server\n${atRest}`;
  const { ages, leaseSeconds, lastContactSeconds } = server;
  const contact = server.connected ? 'connected' : `last heard of ${age(lastContactSeconds)}`;
  const pieces = [
    `certificate ${age(ages.certificateSeconds)}`,
    `keys ${age(ages.keysSeconds)}`,
    `members ${age(ages.rostersSeconds)}`,
    `endpoints ${age(ages.endpointsSeconds)}`,
  ];
  return [
    `Server ${server.url}, ${contact}${server.standing === 'active' ? '' : ` (${server.standing})`}`,
    `  from it     ${pieces.join(', ')}`,
    `  lease       ${leaseText(leaseSeconds)}`,
    atRest,
  ].join('\n');
}

function age(count: number | null): string {
  return count === null ? 'never' : `${seconds(count)} ago`;
}

/** protocol.md 10.4 */
function leaseText(left: number | null): string {
  if (left === null) return 'none: no key is held';
  if (left <= 0) return 'over: no new session until the server is reached';
  return `${seconds(left)}: so long keys are good without the server, and so late a removal may reach this node`;
}

function groupTable({ groups }: StatusAnswer): string {
  if (groups.length === 0) return 'No groups.';
  const rows = groups.map((group) => [
    group.name,
    `${group.version}`,
    group.next === null ? group.state : `${group.state}, next ${group.next}`,
    `${group.members}`,
    group.readableByAdministrator ? 'yes' : 'no',
  ]);
  return table(['group', 'key version', 'state', 'members', 'readable by the administrator'], rows);
}

function peerTable(peers: readonly PeerStatus[]): string {
  if (peers.length === 0) return 'No peers.';
  const rows = peers.map((peer) => [
    peer.name,
    peer.addresses[0] ?? '',
    peer.path.kind === 'none' ? `none (${peer.path.reason})` : `${peer.path.kind} ${peer.path.endpoint ?? ''}`,
    peer.path.kind === 'none' ? '-' : `${peer.mtu.inner}${peer.mtu.measured ? '' : ' (assumed)'}`,
    peer.sas.map((sa) => `${sa.group} v${sa.version}${sa.sending ? '' : ' (receiving)'}`).join(', ') || '-',
    peer.mode,
    peer.lastHandshakeSeconds === null ? 'never' : `${seconds(peer.lastHandshakeSeconds)} ago`,
    `${bytes(peer.rxBytes)} / ${bytes(peer.txBytes)}`,
    `${bitRate(peer.rxBitsPerSecond)} / ${bitRate(peer.txBitsPerSecond)}`,
  ]);
  const why = peers.flatMap(({ name, path }) =>
    path.kind === 'relay' ? [`  ${name} goes ${path.text} (${path.reason})`] : [],
  );
  const rest = table(
    ['peer', 'address', 'path', 'MTU', 'keys', 'mode', 'handshake', 'received / sent', 'rate in / out'],
    rows,
  );
  return [rest, ...why].join('\n');
}

function healthLines({ health }: StatusAnswer): string {
  return health.length === 0 ? '' : `Health:\n${health.map(({ code, text }) => `  ${code}: ${text}`).join('\n')}`;
}
