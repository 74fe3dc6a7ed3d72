import { Counter, Gauge, Histogram, Registry } from 'prom-client';

/** What is counted in one process of the server, in the text format of Prometheus. */
export class MetricsRegistry {
  readonly #registry = new Registry();

  /** Read when somebody asks. */
  gauge(name: string, help: string, read: () => number): void {
    new Gauge({
      ...this.#named(name, help),
      collect() {
        this.set(read());
      },
    });
  }

  /** Several of one name, by the value of a label. */
  gauges(name: string, help: string, label: string, read: () => Iterable<readonly [string, number]>): void {
    new Gauge({
      ...this.#named(name, help, [label]),
      collect() {
        for (const [value, number] of read()) this.set({ [label]: value }, number);
      },
    });
  }

  /** Counted elsewhere, and read when somebody asks. */
  total(name: string, help: string, read: () => number): void {
    new Counter({
      ...this.#named(name, help),
      collect() {
        this.reset();
        this.inc(read());
      },
    });
  }

  counter(name: string, help: string, labels: readonly string[] = []): Counter {
    return new Counter(this.#named(name, help, labels));
  }

  histogram(name: string, help: string, labels: readonly string[], buckets: readonly number[]): Histogram {
    return new Histogram({ ...this.#named(name, help, labels), buckets: [...buckets] });
  }

  text(): Promise<string> {
    return this.#registry.metrics();
  }

  #named(name: string, help: string, labelNames: readonly string[] = []) {
    return { name, help, labelNames: [...labelNames], registers: [this.#registry] };
  }
}

/** What every process of a server tells of itself. */
export function processNumbers(registry: MetricsRegistry): void {
  registry.gauge('gscip_server_uptime_seconds', 'since the server started', () => process.uptime());
  registry.gauge('process_resident_memory_bytes', 'memory of the server', () => process.memoryUsage.rss());
  registry.total('process_cpu_seconds_total', 'processor time', () => {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1e6;
  });
}
