import { readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import type { Lab } from '../../src/cli/lab/lab.ts';
import type { Namespace } from '../../src/cli/lab/namespace.ts';
import { until } from '../../src/cli/lab/until.ts';
import { compiled } from '../../test/netns/compiled.ts';
import { numberAt } from '../tools/json-path.ts';

/** What is sent: `flows` at once, `burst` datagrams of a flow behind each other. */
export interface Load {
  readonly size: number;
  readonly flows: number;
  readonly burst: number;
}

/** Where datagrams have to go so that they come out at the sink, and what they have to begin with. */
export interface Target {
  readonly address: string;
  readonly port: number;
  /** hexadecimal */
  readonly prefix: string;
  /** where a number of two bytes in it grows with each flow; -1: nowhere */
  readonly at: number;
}

/** What came out. */
export interface Carried {
  readonly sent: number;
  readonly received: number;
  /** datagrams per second that were sent, and those that came out */
  readonly rate: number;
  readonly through: number;
}

export const SOURCE = { address: '10.9.1.1', port: 20_000 } as const;
export const SINK = { address: '10.9.2.1', port: 30_000 } as const;
/** The machine between, as either of its neighbours sees it. */
export const MIDDLE = '10.9.1.254';

/**
 * A machine that sends, one between, and one that receives, joined by wires that carry frame by frame as network cards do.
 *
 *   source 10.9.1.1 ──── 10.9.1.254 middle 10.9.2.254 ──── 10.9.2.1 sink
 */
export class RelayBed {
  readonly lab: Lab;
  readonly source: Namespace;
  readonly middle: Namespace;
  readonly sink: Namespace;

  constructor(lab: Lab) {
    this.lab = lab;
    this.source = lab.namespace('source');
    this.middle = lab.router('middle');
    this.sink = lab.namespace('sink');
    const wire = { wire: 'frames' } as const;
    const end = (namespace: Namespace, device: string, address: string) => ({
      ...{ namespace, device },
      addresses: [`${address}/24`],
    });
    lab.link(end(this.source, 'eth0', SOURCE.address), end(this.middle, 'eth0', MIDDLE), wire);
    lab.link(end(this.middle, 'eth1', '10.9.2.254'), end(this.sink, 'eth0', SINK.address), wire);
    this.source.route('default', MIDDLE);
    this.sink.route('default', '10.9.2.254');
  }

  /** From here on the sink counts the load by its network device, and drops it there. */
  closeSink(): void {
    const ports = `${SINK.port}-${SINK.port + 999}`;
    const rule = `udp dport ${ports} drop`;
    const chain = 'type filter hook ingress device eth0 priority 0;';
    this.sink.now('nft', ['-f', '-'], `table netdev sink {\n chain arriving {\n ${chain}\n ${rule}\n }\n}\n`);
  }

  openSink(): void {
    this.sink.now('nft', ['delete', 'table', 'netdev', 'sink']);
  }

  async carry({ size, flows, burst }: Load, target: Target, rate: number, seconds: number): Promise<Carried> {
    const before = this.#arrived();
    const fits = Math.max(1, Math.min(burst, Math.floor(65_000 / size)));
    const from = [SOURCE.address, SOURCE.port, flows];
    const to = [target.address, target.port, size, rate, seconds, fits, target.prefix, target.at];
    const words = [...from, ...to].map(String);
    const text = await this.source.run([compiled('bench/tools/burst-udp.cc'), ...words], { seconds: seconds + 30 });
    const told: unknown = JSON.parse(text);
    await this.#settled();
    const received = this.#arrived() - before;
    const through = received / numberAt(told, 'seconds');
    return { sent: numberAt(told, 'sent'), rate: numberAt(told, 'rate'), received, through };
  }

  /** Until nothing arrives any more. */
  async #settled(): Promise<void> {
    let last = -1;
    await until('the queues to run empty', async () => {
      await pause(20);
      const now = this.#arrived();
      const isQuiet = now - last < 20;
      last = now;
      return isQuiet;
    });
  }

  #arrived(): number {
    const [device]: unknown[] = JSON.parse(this.sink.ip('-s', '-j', 'link', 'show', 'eth0'));
    return numberAt(device, 'stats64', 'rx', 'packets');
  }
}

/** Is this command there? */
export function hasCommand(path: string): boolean {
  try {
    return readFileSync(path).length > 0;
  } catch {
    return false;
  }
}
