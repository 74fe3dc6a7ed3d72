import { join } from 'node:path';
import type { NewRelayAnswer, RelayList } from '../../../src/api/admin/relays.ts';
import type { AdminClient } from '../../../src/cli/admin/admin-client.ts';
import type { Lab } from '../../../src/cli/lab/lab.ts';
import type { LabProcess } from '../../../src/cli/lab/lab-process.ts';
import type { Namespace } from '../../../src/cli/lab/namespace.ts';
import { gscipProgram } from '../../../src/cli/lab/pinned-node.ts';
import { until } from '../../../src/cli/lab/until.ts';
import { fetched } from '../fetched.ts';
import type { Site } from './sites.ts';

const PORT = 47_247;
/** Where its metrics are read, by everybody in the lab. */
const METRICS_PORT = 9_470;

/** A relay on a machine of its own; it can be killed and started again. */
export class RelayApart {
  readonly name: string;
  readonly site: Site;
  readonly #admin: AdminClient;
  readonly #words: readonly string[];
  #process: LabProcess;

  private constructor(lab: Lab, admin: AdminClient, { name, token }: NewRelayAnswer, site: Site) {
    this.name = name;
    this.site = site;
    this.#admin = admin;
    const files = ['--state', join(lab.folder, name)];
    this.#words = ['server', '--roles', 'relay', ...files, '--listen', `:${PORT}`, '--metrics', `:${METRICS_PORT}`];
    this.#process = this.#start('--relay-token', token, '--advertise', `${site.address}:${PORT}`);
  }

  /** Makes its token at the server, starts it, and waits until the server can direct nodes there. */
  static async start(lab: Lab, admin: AdminClient, name: string, site: Site, server: string): Promise<RelayApart> {
    const made = await admin.post<NewRelayAnswer>('/relays', { name, servers: [server] });
    const relay = new RelayApart(lab, admin, made, site);
    await relay.#isThere();
    return relay;
  }

  /** Does a path lead by this relay? */
  carries(endpoint: string | null | undefined): boolean {
    return endpoint?.includes(`${this.site.address}:${PORT}`) === true;
  }

  /** Its metrics, as another machine reads them. */
  async metrics(from: Namespace): Promise<string> {
    return (await fetched(from, `http://${this.site.address}:${METRICS_PORT}/metrics`)).text;
  }

  /** Ends it as a power cut would that left its machine's kernel running. */
  async kill(): Promise<void> {
    this.#process.signal('SIGKILL');
    await this.#process.exited;
  }

  /** Starts it again, after `kill`. */
  async restart(): Promise<void> {
    this.#process = this.#start('--advertise', `${this.site.address}:${PORT}`);
    await this.#isThere();
  }

  /** Takes its machine off the network: nothing tells anybody that it is gone. */
  vanish(): void {
    this.site.host.now('nft', ['-f', '-'], DEAF);
  }

  async comeBack(): Promise<void> {
    this.site.host.now('nft', ['delete', 'table', 'inet', 'deaf']);
    await this.#isThere();
  }

  #start(...more: readonly string[]): LabProcess {
    const words = [...gscipProgram(), ...this.#words, ...more];
    return this.site.host.start(words, { seconds: 3_600 });
  }

  async #isThere(): Promise<void> {
    await until(
      () => `the relay ${this.name}, which says: ${this.#process.stderr().slice(-500)}`,
      async () =>
        (await this.#admin.get<RelayList>('/relays')).relays.some((each) => each.name === this.name && each.connected),
      { seconds: 30, everyMs: 100 },
    );
  }
}

const DEAF = `table inet deaf {
  chain in { type filter hook input priority 0; policy drop; }
  chain out { type filter hook output priority 0; policy drop; }
}`;
