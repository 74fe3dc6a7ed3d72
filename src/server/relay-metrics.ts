import type { Counter } from 'prom-client';
import { MetricsRegistry, processNumbers } from './metrics-registry.ts';

/** What a relay is asked for when somebody reads the metrics. */
export interface RelayNumbers {
  readonly channels: number;
  readonly datagrams: number;
  readonly bytes: number;
  /** datagrams that the kernel did not take */
  readonly refused: number;
}

/** Counts what a relay, or a coordinator, refused, dropped or noticed. */
export function datagramEvents(registry: MetricsRegistry): Counter {
  return registry.counter('gscip_server_datagram_events_total', 'of coordinator and relay', ['event']);
}

/** The numbers of a relay; none where it does not run. */
export function relayNumbers(registry: MetricsRegistry, numbers: () => RelayNumbers | undefined): void {
  const of = (read: (numbers: RelayNumbers) => number) => () => {
    const all = numbers();
    return all ? read(all) : 0;
  };
  registry.gauge(
    'gscip_server_relay_channels',
    'channels of the relay',
    of(({ channels }) => channels),
  );
  registry.total(
    'gscip_server_relay_datagrams_total',
    'datagrams forwarded',
    of(({ datagrams }) => datagrams),
  );
  registry.total(
    'gscip_server_relay_bytes_total',
    'bytes forwarded',
    of(({ bytes }) => bytes),
  );
  registry.total(
    'gscip_server_udp_refused_total',
    'datagrams that the kernel did not take',
    of(({ refused }) => refused),
  );
}

/** What a relay that runs apart counts: under the names that it would have in the process of a server. */
export class RelayMetrics {
  readonly #registry = new MetricsRegistry();
  readonly #events = datagramEvents(this.#registry);

  /** `links`: servers that it is connected to */
  constructor(numbers: () => RelayNumbers | undefined, links: () => number) {
    relayNumbers(this.#registry, numbers);
    this.#registry.gauge('gscip_server_relay_links', 'servers that this relay is connected to', links);
    processNumbers(this.#registry);
  }

  handleEvent(event: string, by: number): void {
    this.#events.inc({ event }, by);
  }

  text(): Promise<string> {
    return this.#registry.text();
  }
}
