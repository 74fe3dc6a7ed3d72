import type { Namespace } from '../../../src/cli/lab/namespace.ts';
import type { Site } from './sites.ts';

/** A network that a machine may be in: its device, its address with prefix length, and the gateway. */
interface Network {
  readonly device: string;
  readonly address: string;
  readonly gateway: string;
}

/**
 * A machine that is in one of several networks at a time, as a laptop is: when it moves, the old network is gone at once, with its
 * address and its routes. The links stay up: a veth that comes up may carry nothing for a second, which no network card does.
 */
export class Roamer {
  readonly host: Namespace;
  readonly #networks: readonly Network[];
  #at = 0;

  private constructor(host: Namespace, networks: readonly Network[]) {
    this.host = host;
    this.#networks = networks;
  }

  /** The machine of the first site gets a device in the networks of the others, whose own machines are left without one. */
  static of(home: Site, ...others: readonly Site[]): Roamer {
    const networks = [networkOf(home.host, 'eth0')];
    others.forEach(({ host }, at) => {
      const device = `away${at}`;
      networks.push({ ...networkOf(host, 'eth0'), device });
      host.ip('link', 'set', 'eth0', 'down');
      host.ip('link', 'set', 'eth0', 'netns', home.host.name, 'name', device);
      home.host.ip('link', 'set', device, 'up');
    });
    return new Roamer(home.host, networks);
  }

  /** Where it is, by number: 0 is home. */
  get at(): number {
    return this.#at;
  }

  /** Leaves the network and enters another one, without a moment in both. */
  move(to: number): void {
    const [from, next] = [this.#networks[this.#at], this.#networks[to]];
    if (!from || !next) throw new Error(`no network ${to}`);
    this.#at = to;
    const { device, address, gateway } = next;
    const lines = [
      `addr flush dev ${from.device}`,
      `addr add ${address} dev ${device}`,
      `route add default via ${gateway}`,
    ];
    this.host.now('ip', ['-batch', '-'], `${lines.join('\n')}\n`);
  }

  /** To the next of its networks, round and round. */
  moveOn(): void {
    this.move((this.#at + 1) % this.#networks.length);
  }
}

function networkOf(host: Namespace, device: string): Network {
  const [{ addr_info: addresses }] = JSON.parse(host.ip('-j', '-4', 'addr', 'show', 'dev', device));
  const [{ local, prefixlen }] = addresses;
  const [{ gateway }] = JSON.parse(host.ip('-j', '-4', 'route', 'show', 'default'));
  return { device, address: `${local}/${prefixlen}`, gateway };
}
