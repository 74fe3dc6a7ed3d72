import { monitorEventLoopDelay } from 'node:perf_hooks';
import { MetricsRegistry, processNumbers } from '../metrics-registry.ts';
import { datagramEvents, type RelayNumbers, relayNumbers } from '../relay-metrics.ts';

/** What the server's numbers are asked from when somebody reads them. */
export interface Measured {
  readonly connectedNodes: () => number;
  readonly openConnections: () => number;
  readonly revision: () => number;
  readonly rows: () => Readonly<Record<string, number>>;
  /** nodes whose datagrams come over TCP */
  readonly tunnels?: () => number;
  /** relays that run apart and are connected */
  readonly relays?: () => number;
  /** of the roles `dc` and `relay`, when they run */
  readonly datagrams?: () => DatagramNumbers | undefined;
}

/** What a coordinator and a relay are asked for when somebody reads the metrics. */
export interface DatagramNumbers extends RelayNumbers {
  readonly nodes: number;
  readonly pairs: number;
}

export type NodeTraffic = 'in' | 'out';

/** Counts and durations of a server. */
export class ServerMetrics {
  readonly #registry = new MetricsRegistry();
  readonly #delay = monitorEventLoopDelay({ resolution: 20 });
  readonly #requests = this.#registry.counter('gscip_server_requests_total', 'answered', ['method', 'route', 'status']);
  readonly #seconds = this.#registry.histogram(
    'gscip_server_request_seconds',
    'until the answer was sent',
    ['method', 'route'],
    [0.001, 0.01, 0.1, 1, 10],
  );
  readonly #failedLogins = this.#registry.counter('gscip_server_failed_logins_total', 'wrong API keys');
  readonly #refused = this.#registry.counter('gscip_server_refused_connections_total', 'connections not taken', [
    'reason',
  ]);
  readonly #ended = this.#registry.counter('gscip_server_ended_channels_total', 'node channels ended', ['reason']);
  readonly #frames = this.#registry.counter('gscip_server_frames_total', 'frames of node channels', ['direction']);
  readonly #bytes = this.#registry.counter('gscip_server_frame_bytes_total', 'bytes of node channels', ['direction']);
  readonly #events = datagramEvents(this.#registry);

  constructor(measured: Measured) {
    const registry = this.#registry;
    registry.gauge('gscip_server_connected_nodes', 'nodes with a session here', measured.connectedNodes);
    registry.gauge('gscip_server_connections', 'open TCP connections', measured.openConnections);
    registry.gauge('gscip_server_revision', 'number of the newest change', measured.revision);
    datagramNumbers(registry, measured);
    processNumbers(registry);
    registry.gauges('gscip_server_rows', 'rows of the database', 'table', () => Object.entries(measured.rows()));
    const delay = this.#delay;
    registry.gauges('gscip_server_loop_delay_seconds', 'how late the event loop is', 'quantile', () => {
      const seconds = [0.5, 0.99, 1].map((each) => [`${each}`, delay.percentile(each * 100) / 1e9] as const);
      delay.reset();
      return seconds;
    });
    delay.enable();
  }

  handleRequest(method: string, route: string, status: number, seconds: number): void {
    this.#requests.inc({ method, route, status });
    this.#seconds.observe({ method, route }, seconds);
  }

  handleFailedLogin(): void {
    this.#failedLogins.inc();
  }

  handleRefusedConnection(reason: string): void {
    this.#refused.inc({ reason });
  }

  handleEndedChannel(reason: string): void {
    this.#ended.inc({ reason });
  }

  handleFrame(direction: NodeTraffic, bytes: number): void {
    this.#frames.inc({ direction });
    this.#bytes.inc({ direction }, bytes);
  }

  handleDatagramEvent(event: string, by: number): void {
    this.#events.inc({ event }, by);
  }

  text(): Promise<string> {
    return this.#registry.text();
  }

  close(): void {
    this.#delay.disable();
  }
}

function datagramNumbers(registry: MetricsRegistry, { relays, tunnels, datagrams }: Measured): void {
  registry.gauge('gscip_server_relays', 'relays that run apart and are connected', () => relays?.() ?? 0);
  registry.gauge('gscip_server_tunnels', 'nodes whose datagrams come over TCP', () => tunnels?.() ?? 0);
  registry.gauge('gscip_server_dc_nodes', 'nodes in a session with the coordinator', () => datagrams?.()?.nodes ?? 0);
  registry.gauge(
    'gscip_server_dc_pairs',
    'pairs that the coordinator brings together',
    () => datagrams?.()?.pairs ?? 0,
  );
  relayNumbers(registry, () => datagrams?.());
}
