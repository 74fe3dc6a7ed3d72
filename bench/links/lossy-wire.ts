import type { Lab } from '../../src/cli/lab/lab.ts';
import type { Namespace } from '../../src/cli/lab/namespace.ts';
import { drop, type TrafficRule } from '../../src/cli/lab/traffic-rules.ts';
import { iperfTcp } from '../tools/iperf.ts';
import { sendNumbered, startReceiver } from '../tools/seq-udp.ts';

/** What happens on the wire, in per mille of the frames of each direction. */
export interface Trouble {
  readonly lost: number;
  readonly late: number;
}

/** The bare link as the programs on it see it. */
export interface Seen {
  readonly lost: number;
  readonly outOfOrder: number;
}

/**
 * Two machines on card-like links with a router between them, that treats frames one by one: it loses some, or sends some by a longer
 * way, so that others overtake them.
 *
 *   a 10.99.1.1 ---- [left] router [right] ---- 10.99.2.1 b
 *                         [long] ---- 10.99.3.1 detour
 */
export class LossyWire {
  readonly a: Namespace;
  readonly b: Namespace;
  readonly aAddress = '10.99.1.1';
  readonly bAddress = '10.99.2.1';
  readonly #router: Namespace;
  #rules: TrafficRule[] = [];

  constructor(lab: Lab) {
    const router = lab.router('router');
    const detour = lab.router('detour');
    this.#router = router;
    this.a = lab.namespace('a');
    this.b = lab.namespace('b');
    const ends = [
      [this.a, 'left', 1],
      [this.b, 'right', 2],
      [detour, 'long', 3],
    ] as const;
    for (const [namespace, device, net] of ends) {
      lab.link(
        { namespace, device: 'eth0', addresses: [`10.99.${net}.1/24`] },
        { namespace: router, device, addresses: [`10.99.${net}.254/24`] },
        { wire: 'frames' },
      );
      namespace.route('default', `10.99.${net}.254`);
      // frame by frame: nothing is joined before the rule that loses it
      router.now('ethtool', ['-K', device, 'gro', 'off']);
      for (const each of ['all', device]) router.sysctl(`net.ipv4.conf.${each}.rp_filter`, '0');
    }
    detour.now('ethtool', ['-K', 'eth0', 'gro', 'off']);
    for (const each of ['all', 'eth0']) detour.sysctl(`net.ipv4.conf.${each}.rp_filter`, '0');
    detour.sysctl('net.ipv4.conf.all.send_redirects', '0');
    detour.sysctl('net.ipv4.conf.eth0.send_redirects', '0');
    router.ip('rule', 'add', 'fwmark', '1', 'lookup', '100');
    router.ip('route', 'add', 'default', 'via', '10.99.3.1', 'table', '100');
  }

  /** From now on, instead of what was before. */
  set({ lost, late }: Trouble): void {
    for (const rule of this.#rules) rule.remove();
    this.#rules = [];
    // once for each frame: what comes back from the detour is not looked at again
    const direct = { hook: 'forward', match: 'iifname != "long"' } as const;
    if (lost > 0) this.#rules.push(drop(this.#router, { ...direct, perMille: lost }));
    if (late > 0) this.#rules.push(this.#overtake(late));
  }

  /** Share of datagrams that never arrive, at an even rate, and segments of one second of TCP that arrived out of their order. */
  async seen(): Promise<Seen> {
    const receiver = await startReceiver(this.b, this.bAddress);
    const { sent } = await sendNumbered(this.a, this.bAddress, 50_000, 1, 1_400);
    const { distinct } = await receiver.stop();
    const before = this.#outOfOrder();
    await iperfTcp({ client: this.a, server: this.b, address: this.bAddress }, 1);
    return { lost: 1 - distinct / sent, outOfOrder: this.#outOfOrder() - before };
  }

  #outOfOrder(): number {
    const [names = '', values = ''] = this.b.now('grep', ['^TcpExt:', '/proc/net/netstat']).split('\n');
    return Number(values.split(' ')[names.split(' ').indexOf('TCPOFOQueue')]);
  }

  #overtake(perMille: number): TrafficRule {
    const chain = 'type filter hook prerouting priority mangle; policy accept;';
    const what = `iifname != "long" numgen random mod 1000 < ${perMille} meta mark set 1`;
    this.#router.now('nft', ['-f', '-'], `table ip overtake { chain c { ${chain} ${what}\n}\n}`);
    return { remove: () => this.#router.now('nft', ['delete', 'table', 'ip', 'overtake']) };
  }
}
