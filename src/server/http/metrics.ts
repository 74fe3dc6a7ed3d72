import { monitorEventLoopDelay } from 'node:perf_hooks';
import { Counter, Gauge, Histogram, Registry } from 'prom-client';

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
export interface DatagramNumbers {
  readonly nodes: number;
  readonly pairs: number;
  readonly channels: number;
  readonly datagrams: number;
  readonly bytes: number;
  readonly refused: number;
}

export type NodeTraffic = 'in' | 'out';

/** Counts and durations in the text format of Prometheus. */
export class ServerMetrics {
  readonly #registry = new Registry();
  readonly #delay = monitorEventLoopDelay({ resolution: 20 });
  readonly #requests: Counter;
  readonly #seconds: Histogram;
  readonly #failedLogins: Counter;
  readonly #refused: Counter;
  readonly #ended: Counter;
  readonly #frames: Counter;
  readonly #bytes: Counter;
  readonly #events: Counter;

  constructor(measured: Measured) {
    const of = (name: string, help: string, labelNames: readonly string[] = []) => {
      return { name, help, labelNames: [...labelNames], registers: [this.#registry] };
    };
    this.#requests = new Counter(of('gscip_server_requests_total', 'answered', ['method', 'route', 'status']));
    this.#seconds = new Histogram({
      ...of('gscip_server_request_seconds', 'until the answer was sent', ['method', 'route']),
      buckets: [0.001, 0.01, 0.1, 1, 10],
    });
    this.#failedLogins = new Counter(of('gscip_server_failed_logins_total', 'wrong API keys'));
    this.#refused = new Counter(of('gscip_server_refused_connections_total', 'connections not taken', ['reason']));
    this.#ended = new Counter(of('gscip_server_ended_channels_total', 'node channels ended', ['reason']));
    this.#frames = new Counter(of('gscip_server_frames_total', 'frames of node channels', ['direction']));
    this.#bytes = new Counter(of('gscip_server_frame_bytes_total', 'bytes of node channels', ['direction']));
    this.#events = new Counter(of('gscip_server_datagram_events_total', 'of coordinator and relay', ['event']));
    const gauge = (name: string, help: string, read: () => number) => {
      new Gauge({
        ...of(name, help),
        collect() {
          this.set(read());
        },
      });
    };
    gauge('gscip_server_connected_nodes', 'nodes with a session here', measured.connectedNodes);
    gauge('gscip_server_connections', 'open TCP connections', measured.openConnections);
    gauge('gscip_server_revision', 'number of the newest change', measured.revision);
    datagramGauges(gauge, measured);
    gauge('gscip_server_uptime_seconds', 'since the server started', () => process.uptime());
    gauge('process_resident_memory_bytes', 'memory of the server', () => process.memoryUsage.rss());
    gauge('process_cpu_seconds_total', 'processor time', () => {
      const { user, system } = process.cpuUsage();
      return (user + system) / 1e6;
    });
    new Gauge({
      ...of('gscip_server_rows', 'rows of the database', ['table']),
      collect() {
        for (const [table, count] of Object.entries(measured.rows())) this.set({ table }, count);
      },
    });
    const delay = this.#delay;
    new Gauge({
      ...of('gscip_server_loop_delay_seconds', 'how late the event loop is', ['quantile']),
      collect() {
        for (const quantile of [0.5, 0.99, 1]) this.set({ quantile }, delay.percentile(quantile * 100) / 1e9);
        delay.reset();
      },
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
    return this.#registry.metrics();
  }

  close(): void {
    this.#delay.disable();
  }
}

type AddGauge = (name: string, help: string, read: () => number) => void;

function datagramGauges(gauge: AddGauge, measured: Measured): void {
  const udp = (read: (numbers: DatagramNumbers) => number) => () => {
    const numbers = measured.datagrams?.();
    return numbers ? read(numbers) : 0;
  };
  gauge('gscip_server_relays', 'relays that run apart and are connected', () => measured.relays?.() ?? 0);
  gauge('gscip_server_tunnels', 'nodes whose datagrams come over TCP', () => measured.tunnels?.() ?? 0);
  gauge(
    'gscip_server_dc_nodes',
    'nodes in a session with the coordinator',
    udp(({ nodes }) => nodes),
  );
  gauge(
    'gscip_server_dc_pairs',
    'pairs that the coordinator brings together',
    udp(({ pairs }) => pairs),
  );
  gauge(
    'gscip_server_relay_channels',
    'channels of the relay',
    udp(({ channels }) => channels),
  );
  gauge(
    'gscip_server_relay_datagrams_total',
    'datagrams forwarded',
    udp(({ datagrams }) => datagrams),
  );
  gauge(
    'gscip_server_relay_bytes_total',
    'bytes forwarded',
    udp(({ bytes }) => bytes),
  );
  gauge(
    'gscip_server_udp_refused_total',
    'datagrams that the kernel did not take',
    udp(({ refused }) => refused),
  );
}
