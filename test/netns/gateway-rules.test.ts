import { describe, expect, it } from 'vitest';
import { type Lab, withLab } from '../../src/cli/lab/lab.ts';
import type { Namespace } from '../../src/cli/lab/namespace.ts';
import { GATEWAY_COUNTERS, gatewayScript } from '../../src/node/gateway/gateway-rules.ts';
import { parsePrefix } from '../../src/tun/prefix.ts';

const TUN = 'gscip0';
const SUBNETS = ['10.1.1.0/24', '10.1.2.0/24', 'fd01:1::/64'];

interface Bed {
  /** stands where the agent does, at the other end of the overlay's interface */
  readonly overlay: Namespace;
  readonly router: Namespace;
  readonly one: Namespace;
  readonly two: Namespace;
}

/** A router with the table of a GEN, two networks behind it, one beside them, and a wire in place of the TUN device. */
function bed(lab: Lab): Bed {
  const router = lab.router('router');
  const [overlay, one, two] = ['overlay', 'one', 'two'].map((name) => lab.namespace(name));
  if (!overlay || !one || !two) throw new Error('three namespaces');
  const wire = (device: string, own: readonly string[], to: Namespace, addresses: readonly string[]) =>
    lab.link({ namespace: router, device, addresses: own }, { namespace: to, device: 'eth0', addresses });
  wire(TUN, ['100.64.0.1/10', 'fd64::1/64'], overlay, ['100.64.0.5/10', 'fd64::5/64']);
  wire('lan1', ['10.1.1.1/24', 'fd01:1::1/64'], one, ['10.1.1.10/24', 'fd01:1::10/64']);
  wire('lan2', ['10.1.2.1/24', '10.5.5.1/24'], two, ['10.1.2.10/24', '10.5.5.10/24']);
  overlay.route('default', '100.64.0.1');
  overlay.route('default', 'fd64::1');
  one.route('default', '10.1.1.1');
  one.route('default', 'fd01:1::1');
  two.route('default', '10.1.2.1');
  // a TUN device asks for no neighbours, which the table would take for multicast
  const address = (of: Namespace, device: string) => JSON.parse(of.ip('-j', 'link', 'show', device))[0].address;
  overlay.ip('neigh', 'add', 'fd64::1', 'lladdr', address(router, TUN), 'dev', 'eth0');
  router.ip('neigh', 'add', 'fd64::5', 'lladdr', address(overlay, 'eth0'), 'dev', TUN);
  load(router);
  return { overlay, router, one, two };
}

function load(router: Namespace): void {
  const overlay = ['100.64.0.0/10', 'fd64::/64'].map(parsePrefix);
  const subnets = SUBNETS.map(parsePrefix);
  const plan = { tun: TUN, subnets, overlay, snat: false, keepSources: false, services: [] };
  router.now('nft', ['-f', '-'], gatewayScript(plan));
}

/**
 * Packets that each counter of the table has, those at zero left out, and what Ethernet itself sends to all; the table is
 * loaded anew, so that it counts from zero.
 */
function counts(router: Namespace, ignored: string = GATEWAY_COUNTERS.broadcast): Record<string, number> {
  const listed = router.now('nft', ['list', 'counters']);
  const found = Object.values(GATEWAY_COUNTERS).map((name): [string, number] => {
    const match = new RegExp(`${name} \\{\\s+packets (\\d+)`).exec(listed);
    return [name, Number(match?.[1] ?? Number.NaN)];
  });
  load(router);
  return Object.fromEntries(found.filter(([name, packets]) => packets !== 0 && name !== ignored));
}

async function pings(from: Namespace, to: string, as?: string): Promise<boolean> {
  const words = ['ping', '-c', '1', '-W', '1', ...(as === undefined ? [] : ['-I', as]), to];
  return (await from.attempt(words, { seconds: 5 })).code === 0;
}

describe('the table of a GEN', () => {
  it('A4: lets the overlay reach the networks behind the node, and nothing else', () =>
    withLab(async (lab) => {
      const { overlay, router, two } = bed(lab);
      for (const to of ['10.1.1.10', '10.1.2.10', 'fd01:1::10']) expect(await pings(overlay, to), to).toBe(true);
      expect(counts(router)).toEqual({ 'gateway-passed-in': 3, 'gateway-passed-out': 3 });
      // behind the same interface, but of no network that the node speaks for
      expect(await pings(overlay, '10.5.5.10')).toBe(false);
      expect(counts(router)).toEqual({ 'gateway-foreign-destination': 1 });
      // out again where it came in, because of a wrong route
      router.ip('route', 'add', '10.1.1.128/25', 'dev', TUN);
      expect(await pings(overlay, '10.1.1.200')).toBe(false);
      expect(counts(router)).toEqual({ 'gateway-foreign-destination': 1 });
      for (const to of ['10.1.1.255', '224.0.0.1']) expect(await pings(overlay, to), to).toBe(false);
      expect(counts(router, 'none')['gateway-broadcast']).toBeGreaterThanOrEqual(2);
      // what does not touch the overlay is nobody's business here
      expect(await pings(two, '10.1.1.10')).toBe(true);
      expect(counts(router)).toEqual({});
    }));

  it('P2: lets terminals send into the overlay as themselves, by the interface that leads to them', () =>
    withLab(async (lab) => {
      const { router, one, two } = bed(lab);
      for (const [from, to] of [
        [one, '100.64.0.5'],
        [two, '100.64.0.5'],
        [one, 'fd64::5'],
      ] as const)
        expect(await pings(from, to), `${from.label} to ${to}`).toBe(true);
      expect(counts(router)).toEqual({ 'gateway-passed-in': 3, 'gateway-passed-out': 3 });
      for (const [lie, counter] of [
        ['10.1.2.66', 'gateway-foreign-source'], // the neighbour's network, which lies behind another interface
        ['10.5.5.66', 'gateway-foreign-source'],
        ['192.0.2.1', 'gateway-foreign-source'],
        ['100.64.0.9', 'gateway-overlay-source'],
        ['100.64.0.1', 'gateway-overlay-source'],
      ] as const) {
        one.addresses('eth0', [`${lie}/32`]);
        expect(await pings(one, '100.64.0.5', lie), lie).toBe(false);
        expect(counts(router), lie).toEqual({ [counter]: 1 });
      }
      // a network of the machine that the node does not speak for
      expect(await pings(two, '100.64.0.5', '10.5.5.10')).toBe(false);
      expect(counts(router)).toEqual({ 'gateway-foreign-source': 1 });
      one.addresses('eth0', ['fd64::9/128']);
      expect(await pings(one, 'fd01:1::1', 'fd64::9')).toBe(false);
      expect(counts(router)['gateway-overlay-source']).toBeGreaterThan(0);
    }));
});
