import type { Namespace } from './namespace.ts';

let rules = 0;

/** A rule that can be taken back. */
export interface TrafficRule {
  remove(): void;
}

/** A rule that drops packets and counts them. */
export interface DropRule extends TrafficRule {
  dropped(): number;
}

/** Which packets a drop rule is about. */
export interface DropOptions {
  readonly hook: 'input' | 'output' | 'forward';
  /** nftables expression that selects packets, such as `udp dport 47247`; default all */
  readonly match?: string;
  /** per mille of the selected packets that are lost, at random; 1000 (default) is all of them */
  readonly perMille?: number;
}

/**
 * Hides what is behind a router behind the address of one of its devices.
 * `kept` keeps the source port where it can (endpoint-independent in practice), `random` gives every flow another one (symmetric).
 */
export function masquerade(router: Namespace, device: string, ports: 'kept' | 'random' = 'kept'): TrafficRule {
  const how = ports === 'random' ? ' random,fully-random' : '';
  const chain = 'type nat hook postrouting priority srcnat; policy accept;';
  return ruleTable(router, 'ip', `chain c { ${chain} oifname "${device}" masquerade${how}\n}`);
}

/** Loses packets at random, or all that match. */
export function drop(namespace: Namespace, options: DropOptions): DropRule {
  const perMille = options.perMille ?? 1000;
  const chance = perMille >= 1000 ? '' : `numgen random mod 1000 < ${perMille} `;
  const chain = `type filter hook ${options.hook} priority -10; policy accept;`;
  const made = ruleTable(namespace, 'inet', `chain c { ${chain} ${options.match ?? ''} ${chance}counter drop\n}`);
  return { remove: made.remove, dropped: () => Number(/packets (\d+)/.exec(made.list())?.[1] ?? 0) };
}

/** Sends no faster than so many Mbit/s out of a device, with at most 50 ms of queue. */
export function limitRate(namespace: Namespace, device: string, megabits: number): TrafficRule {
  const shape = ['rate', `${megabits}mbit`, 'burst', '64kb', 'latency', '50ms'];
  namespace.now('tc', ['qdisc', 'add', 'dev', device, 'root', 'tbf', ...shape]);
  return { remove: () => void namespace.now('tc', ['qdisc', 'del', 'dev', device, 'root']) };
}

/** One nftables table for each rule, so that rules come and go without knowing of each other. */
export function ruleTable(namespace: Namespace, family: string, body: string): TrafficRule & { list(): string } {
  const name = `lab_${++rules}`;
  namespace.now('nft', ['-f', '-'], `table ${family} ${name} {\n${body}\n}\n`);
  return {
    remove: () => void namespace.now('nft', ['delete', 'table', family, name]),
    list: () => namespace.now('nft', ['list', 'table', family, name]),
  };
}
