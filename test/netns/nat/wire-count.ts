import type { Namespace } from '../../../src/cli/lab/namespace.ts';
import { ruleTable } from '../../../src/cli/lab/traffic-rules.ts';

/** Counts UDP datagrams that a router forwards, by source and destination address: what went where, whoever says what. */
export class WireCount {
  readonly #list: () => string;

  constructor(router: Namespace) {
    const sets = ([4, 6] as const).map(
      (family) => `set by${family} { type ipv${family}_addr . ipv${family}_addr; size 65535; flags dynamic; counter; }`,
    );
    const rules = ['ip saddr . ip daddr', 'ip6 saddr . ip6 daddr'].map(
      (pair, at) => `  meta l4proto udp update @by${at === 0 ? 4 : 6} { ${pair} counter }`,
    );
    const chain = ['chain c { type filter hook forward priority filter;', ...rules, '}'];
    this.#list = ruleTable(router, 'inet', [...sets, ...chain].join('\n')).list;
  }

  /** Datagrams so far in both directions between two addresses. */
  between(a: string, b: string): number {
    const text = this.#list();
    return packets(text, a, b) + packets(text, b, a);
  }
}

function packets(text: string, from: string, to: string): number {
  const at = text.indexOf(`${from} . ${to} counter packets `);
  return at < 0 ? 0 : Number(/packets (\d+)/.exec(text.slice(at))?.[1]);
}
