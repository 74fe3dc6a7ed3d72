import { PRIMITIVE_COUNTERS } from '../base/primitives.ts';
import { routeOf } from '../nat/path-route.ts';
import type { Engine } from './engine.ts';
import type { PacketIo } from './packet-io.ts';
import { WORKER_STATS } from './workers/fast-path.ts';

/** All counters and gauges in the text format of Prometheus. */
export function metricsText(engine: Engine, io: Pick<PacketIo, 'times' | 'workers'>, uptimeSeconds: number): string {
  const { node } = engine;
  const lines: string[] = [];
  const family = (
    name: string,
    type: 'counter' | 'gauge',
    help: string,
    rows: readonly (readonly [string, number])[],
  ) => {
    lines.push(`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`);
    for (const [labels, value] of rows) lines.push(`${name}${labels} ${value}`);
  };
  const one = (value: number) => [['', value] as const];
  const values = node.primitives.counters();
  const workers = io.workers();
  const counted = (at: number) => workers.reduce((sum, { counters }) => sum + counters[at], values[at]);
  family(
    'gscip_packets_total',
    'counter',
    'What the packet primitives did with packets, and why they dropped some.',
    PRIMITIVE_COUNTERS.map((name, at) => [label('event', name), counted(at)] as const),
  );
  family(
    'gscip_events_total',
    'counter',
    'What the node refused, dropped or noticed, by reason.',
    [...node.counters.entries(), ...node.held.dropped].map(([name, value]) => [label('event', name), value] as const),
  );
  family(
    'gscip_worker_packets_total',
    'counter',
    'Packets of each worker beside the main thread: sealed and sent, received, handed to the main thread, lost because that had too much.',
    workers.flatMap(({ stats }, worker) =>
      WORKER_STATS.map((name, at) => [`{worker="${worker + 1}",event="${name}"}`, stats[at]] as const),
    ),
  );
  family('gscip_pit_entries', 'gauge', 'Flows in the PIT.', one(node.pit.entries.live));
  family(
    'gscip_pit_changes_total',
    'counter',
    'Flows made and ended, by cause.',
    Object.entries(node.pit.counters).map(([cause, value]) => [label('cause', cause), value] as const),
  );
  family('gscip_held_packets', 'gauge', 'Packets that wait for a negotiation.', one(node.held.packets));
  family('gscip_sas', 'gauge', 'Security associations.', one([...node.sas.sas()].length));
  family('gscip_half_open', 'gauge', 'Handshakes that are not finished.', one(engine.halfOpen));
  family('gscip_peers', 'gauge', 'Peers by kind of path.', peersByPath(engine));
  family('gscip_peer_bytes_total', 'counter', 'Inner bytes per peer.', peerBytes(engine));
  family('gscip_group_key_version', 'gauge', 'The version in force of each group key.', keyVersions(engine));
  const times = io.times();
  family('gscip_data_path_seconds_total', 'counter', 'Time in the packet path: primitives, and policy in TypeScript.', [
    [label('part', 'primitives'), times.primitives],
    [label('part', 'policy'), times.policy],
  ]);
  family('gscip_data_path_batches_total', 'counter', 'Batches of the packet path.', one(times.batches));
  family('gscip_uptime_seconds', 'gauge', 'Since the agent started.', one(uptimeSeconds));
  family('process_resident_memory_bytes', 'gauge', 'Resident memory of the agent.', one(process.memoryUsage.rss()));
  return `${lines.join('\n')}\n`;
}

function peersByPath(engine: Engine) {
  const counts = { direct: 0, relay: 0, none: 0 };
  for (const { id } of engine.node.directory.others()) {
    const { current } = engine.node.paths.peer(id);
    counts[current === undefined ? 'none' : routeOf(current).kind] += 1;
  }
  return Object.entries(counts).map(([path, count]) => [label('path', path), count] as const);
}

function peerBytes(engine: Engine) {
  return engine.node.directory.others().flatMap(({ id, name }) => {
    const { rxBytes, txBytes } = engine.traffic(id);
    return [
      [`{peer="${escapeLabel(name)}",direction="received"}`, rxBytes],
      [`{peer="${escapeLabel(name)}",direction="sent"}`, txBytes],
    ] as const;
  });
}

function keyVersions(engine: Engine) {
  return engine.node.keys.groups().map((group) => {
    const current = group.versions.find(({ state }) => state === 'current');
    return [label('group', engine.node.keys.groupName(group.id)), current?.v ?? 0] as const;
  });
}

function label(name: string, value: string): string {
  return `{${name}="${escapeLabel(value)}"}`;
}

function escapeLabel(value: string): string {
  return value.replace(/[\\"]/g, '\\$&').replaceAll('\n', '\\n');
}
