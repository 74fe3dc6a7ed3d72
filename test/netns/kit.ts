import { fileURLToPath } from 'node:url';
import type { Lab } from '../../src/cli/lab/lab.ts';
import type { LabProcess } from '../../src/cli/lab/lab-process.ts';
import type { Namespace } from '../../src/cli/lab/namespace.ts';
import { pinnedNode } from '../../src/cli/lab/pinned-node.ts';
import { masquerade } from '../../src/cli/lab/traffic-rules.ts';
import { until } from '../../src/cli/lab/until.ts';

/**
 * Ready-made networks for tests and benches, on top of the lab of `src/cli/lab`.
 *
 *   pair:     a [eth0 10.99.0.1, fd99::1] ---- [eth0 10.99.0.2, fd99::2] b
 *
 *   routed:   a [eth0 10.99.0.1, fd99::1] ---- [left] router [right] ---- [eth0 10.99.0.2, fd99::2] b
 *
 *   behindNat: a [eth0 192.168.1.2] ---- [lan] nat [wan 10.99.0.254] ---- [eth0 10.99.0.2] b
 */
export interface Pair {
  readonly a: Namespace;
  readonly b: Namespace;
  /** underlay addresses without prefix length */
  readonly aAddress: string;
  readonly bAddress: string;
}

/** Two machines on one wire. */
export function pair(lab: Lab, wire: 'whole' | 'frames' = 'whole'): Pair {
  const a = lab.namespace('a');
  const b = lab.namespace('b');
  lab.link(
    { namespace: a, device: 'eth0', addresses: ['10.99.0.1/24', 'fd99::1/64'] },
    { namespace: b, device: 'eth0', addresses: ['10.99.0.2/24', 'fd99::2/64'] },
    { wire },
  );
  return { a, b, aAddress: '10.99.0.1', bAddress: '10.99.0.2' };
}

/** The same two machines with a router between them, each on a link of its own. */
export function routed(lab: Lab): Pair & { readonly router: Namespace } {
  const router = lab.router('router');
  const machine = (device: string, at: number): Namespace => {
    const made = lab.namespace(at === 0 ? 'a' : 'b');
    const own = [`10.99.0.${at + 1}`, `fd99::${at + 1}`];
    lab.link(
      { namespace: made, device: 'eth0', addresses: [`${own[0]}/32`, `${own[1]}/128`] },
      { namespace: router, device, addresses: ['10.99.0.254/32', 'fd99::fe/128'] },
    );
    for (const [v, gateway, target] of [
      ['-4', '10.99.0.254', own[0]],
      ['-6', 'fd99::fe', own[1]],
    ]) {
      router.ip(v, 'route', 'add', target, 'dev', device);
      made.ip(v, 'route', 'add', gateway, 'dev', 'eth0');
      made.ip(v, 'route', 'add', 'default', 'via', gateway, 'dev', 'eth0');
    }
    return made;
  };
  return { a: machine('left', 0), b: machine('right', 1), router, aAddress: '10.99.0.1', bAddress: '10.99.0.2' };
}

/** One machine behind a NAT and one in front of it, which sees 10.99.0.254 as the first one's address. */
export function behindNat(lab: Lab, ports: 'kept' | 'random'): Pair & { readonly nat: Namespace } {
  const nat = lab.router('nat');
  const a = lab.namespace('a');
  const b = lab.namespace('b');
  lab.link(
    { namespace: a, device: 'eth0', addresses: ['192.168.1.2/24'] },
    { namespace: nat, device: 'lan', addresses: ['192.168.1.1/24'] },
  );
  lab.link(
    { namespace: b, device: 'eth0', addresses: ['10.99.0.2/24'] },
    { namespace: nat, device: 'wan', addresses: ['10.99.0.254/24'] },
  );
  a.route('default', '192.168.1.1');
  masquerade(nat, 'wan', ports);
  return { a, b, nat, aAddress: '192.168.1.2', bAddress: '10.99.0.2' };
}

/** What the relay of `impair.ts` does to datagrams; chances are from 0 to 1. */
export interface Impairment {
  readonly delayMs?: number;
  /** each datagram is delayed by up to this much more, so that later ones overtake it */
  readonly jitterMs?: number;
  readonly loss?: number;
  readonly duplicate?: number;
  readonly seed?: number;
}

/** Starts the impairing relay: what arrives at `listen` goes on to `to`, and answers come back. */
export async function startImpair(where: Namespace, listen: string, to: string, what: Impairment): Promise<LabProcess> {
  const script = fileURLToPath(new URL('./impair.ts', import.meta.url));
  const relay = where.start([pinnedNode(), script, listen, to, JSON.stringify(what)], { seconds: 600 });
  await until(`the relay on ${listen}`, () => relay.stdout().includes('ready'));
  return relay;
}
