import type { Lab, LinkEnd } from '../../../src/cli/lab/lab.ts';
import type { LabProcess } from '../../../src/cli/lab/lab-process.ts';
import { until } from '../../../src/cli/lab/until.ts';
import { compiled } from '../compiled.ts';

/** What a wire does to the frames of one direction; chances are from 0 to 1. */
export interface WireQuality {
  readonly delayMs?: number;
  /** each frame takes up to this much longer, so that later ones overtake it; 0: their order is kept */
  readonly jitterMs?: number;
  readonly loss?: number;
  readonly duplicate?: number;
  readonly megabits?: number;
}

/** What became of the frames of one direction. */
export interface WireCount {
  readonly carried: number;
  readonly lost: number;
  readonly doubled: number;
  /** dropped because too many were waiting */
  readonly overflowed: number;
}

/** A wire between two namespaces whose quality can be changed while frames are under way. */
export class SlowLink {
  readonly #process: LabProcess;
  #rules = 0;

  private constructor(process: LabProcess) {
    this.#process = process;
  }

  /** Lays it as `Lab.link` would lay a veth pair; without `set` it does nothing to frames. */
  static async lay(lab: Lab, a: LinkEnd, b: LinkEnd): Promise<SlowLink> {
    const ends = [a, b].flatMap(({ namespace, device }) => [`/run/netns/${namespace.name}`, device]);
    const words = [compiled('test/netns/nat/slow-link.cc'), ...ends];
    const process = lab.start(null, words, { seconds: 3_600, stdin: true });
    await until(
      () => `the link: ${process.stderr()}`,
      () => process.stdout().includes('ready'),
    );
    for (const { namespace, device, addresses = [] } of [a, b]) {
      namespace.sysctl(`net.ipv6.conf.${device}.accept_dad`, '0');
      namespace.addresses(device, addresses);
      namespace.ip('link', 'set', device, 'up');
    }
    return new SlowLink(process);
  }

  /** From now on, in both directions or in one; with `address` only for packets from or to it. */
  async set(what: WireQuality, direction: 'ab' | 'ba' | 'both' = 'both', address = '*'): Promise<void> {
    for (const each of direction === 'both' ? ['ab', 'ba'] : [direction]) {
      const { delayMs = 0, jitterMs = 0, loss = 0, duplicate = 0, megabits = 0 } = what;
      const numbers = [delayMs * 1e3, jitterMs * 1e3, loss * 1e6, duplicate * 1e6, megabits * 1e3].map(Math.round);
      this.#process.write(`${[each, address, ...numbers].join(' ')}\n`);
      this.#rules++;
    }
    await until(
      () => `the link to take its rules: ${this.#process.stderr()}`,
      () => this.#process.stdout().split('done').length > this.#rules,
      { everyMs: 2 },
    );
  }

  /** Ends it, which cuts the wire, and tells what became of the frames. */
  async stop(): Promise<Readonly<Record<'ab' | 'ba', WireCount>>> {
    await this.#process.stop();
    return JSON.parse(this.#process.stdout().trim().split('\n').at(-1) ?? '');
  }
}
