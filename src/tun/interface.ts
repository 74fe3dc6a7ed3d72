import { readFile, writeFile } from 'node:fs/promises';
import { GscipError } from '../base/errors.ts';
import { ipCommand, ipJson } from './ip-command.ts';
import { formatPrefix, overlaps, type Prefix, parsePrefix } from './prefix.ts';
import type { UsedRange } from './route-choice.ts';

/** What a TUN interface gets; everything goes away with the device, also after a crash. */
export interface InterfacePlan {
  readonly name: string;
  /** inner MTU in bytes */
  readonly mtu: number;
  /** own overlay addresses, "100.64.0.2" or "fd…::2" */
  readonly addresses: readonly string[];
  /** ranges reached through the overlay */
  readonly routes: readonly Prefix[];
}

/**
 * Packets that may wait for the node: tens of milliseconds of small ones, which is what reading a bundle may take.
 * TCP fills it no further than its window.
 */
const QUEUE = 5_000;

/**
 * Sets kernel switches, addresses, MTU and routes of a TUN device (protocol.md 5.1: no link-local address of the
 * kernel's own, no router advertisements, strict reverse path filter). False where its IPv6 addresses had to be left out.
 */
export async function configureInterface(plan: InterfacePlan): Promise<boolean> {
  const v6 = plan.addresses.some((address) => address.includes(':'));
  await setSwitch(`ipv4/conf/${plan.name}/rp_filter`, '1');
  const hasNoOwn = await keepsItsOwnAway(plan.name);
  const v6Possible = hasNoOwn && (!v6 || (await setSwitch(`ipv6/conf/${plan.name}/disable_ipv6`, '0')));
  const lines = [`link set dev ${plan.name} mtu ${plan.mtu} txqueuelen ${QUEUE} up`];
  for (const address of plan.addresses)
    if (v6Possible || !address.includes(':'))
      lines.push(`addr add ${address}/${address.includes(':') ? '128 nodad' : '32'} dev ${plan.name}`);
  for (const route of plan.routes)
    if (v6Possible || route.family === 4) lines.push(`route add ${formatPrefix(route)} dev ${plan.name}`);
  await ipCommand(['-batch', '-'], `${lines.join('\n')}\n`);
  return v6Possible || !v6;
}

/** No link-local address of the kernel's own, also where the node has no IPv6 address: in containers, which may write no switch, by `ip`. */
async function keepsItsOwnAway(name: string): Promise<boolean> {
  await setSwitch(`ipv6/conf/${name}/accept_ra`, '0');
  if (await setSwitch(`ipv6/conf/${name}/addr_gen_mode`, '1')) return true;
  return ipCommand(['link', 'set', 'dev', name, 'addrgenmode', 'none']).then(
    () => true,
    () => false,
  );
}

/** Another inner MTU, in bytes. */
export async function setInterfaceMtu(name: string, mtu: number): Promise<void> {
  await ipCommand(['link', 'set', 'dev', name, 'mtu', `${mtu}`]);
}

/** True when an interface of this name is there, whoever made it. */
export async function interfaceExists(name: string): Promise<boolean> {
  return (await ipJson(['link', 'show'])).some(({ ifname }) => ifname === name);
}

/** Refuses a range that overlaps a route or an address which the machine already uses (other than on `own`). */
export async function refuseOverlap(ranges: readonly Prefix[], own: string): Promise<void> {
  for (const used of await usedRanges(own)) {
    const clash = ranges.find((range) => overlaps(range, used.prefix));
    if (clash)
      throw new GscipError(
        'pool-overlap',
        `the overlay range ${formatPrefix(clash)} overlaps ${formatPrefix(used.prefix)}, which ${used.by} has`,
        'choose another pool where the network is made (--pool), or remove that route or address',
      );
  }
}

/** What this machine's routes and addresses cover, other than on `own`; defaults are left out. */
export async function usedRanges(own: string): Promise<UsedRange[]> {
  return [...(await usedRoutes(own)), ...(await usedAddresses(own))];
}

/** Every other route to the same range wins over ours. */
const ROSTER_METRIC = 4_096;

/** Changes routes through a device; what the kernel does not take is seen by `rosterRoutes`. */
export async function changeRosterRoutes(
  device: string,
  added: readonly Prefix[],
  removed: readonly Prefix[],
): Promise<void> {
  const line = (verb: string) => (route: Prefix) =>
    `route ${verb} ${formatPrefix(route)} dev ${device} metric ${ROSTER_METRIC}`;
  const lines = [...removed.map(line('del')), ...added.map(line('add'))];
  if (lines.length === 0) return;
  try {
    await ipCommand(['-force', '-batch', '-'], `${lines.join('\n')}\n`);
  } catch (error) {
    if (!(error instanceof GscipError) || error.code !== 'ip-failed') throw error;
  }
}

/** The routes through a device that `changeRosterRoutes` made. */
export async function rosterRoutes(device: string): Promise<Prefix[]> {
  const found: Prefix[] = [];
  for (const family of ['-4', '-6'])
    for (const { dst, metric } of await ipJson([family, 'route', 'show', 'table', 'main', 'dev', device]))
      if (typeof dst === 'string' && dst !== 'default' && metric === ROSTER_METRIC) found.push(parsePrefix(dst));
  return found;
}

/** The devices that default routes go by, of either family. */
export async function defaultDevices(): Promise<string[]> {
  const found = new Set<string>();
  for (const family of ['-4', '-6'])
    for (const { dev, nexthops } of await ipJson([family, 'route', 'show', 'table', 'main', 'default']))
      for (const hop of [{ dev }, ...(Array.isArray(nexthops) ? nexthops : [])])
        if (typeof hop.dev === 'string') found.add(hop.dev);
  return [...found].sort();
}

/** The routers that this machine's routes go by, other than by `own`. */
export async function linkRouters(own: string): Promise<Prefix[]> {
  const found = new Map<string, Prefix>();
  for (const family of ['-4', '-6'])
    for (const route of await ipJson([family, 'route', 'show', 'table', 'main']))
      for (const { gateway, dev } of [route, ...(Array.isArray(route['nexthops']) ? route['nexthops'] : [])])
        if (typeof gateway === 'string' && dev !== own) found.set(gateway, parsePrefix(gateway));
  return [...found.values()];
}

/** Shorter ones stand for "everything else", as a default route that was cut in two does. */
const SHORTEST_ROUTE = 2;

async function usedRoutes(own: string): Promise<UsedRange[]> {
  const found: UsedRange[] = [];
  for (const family of ['-4', '-6'])
    for (const { dst, dev, type, gateway, via, nexthops } of await ipJson([family, 'route', 'show', 'table', 'main'])) {
      if (typeof dst !== 'string' || dst === 'default' || dev === own) continue;
      const prefix = parsePrefix(dst);
      const connected = dev !== undefined && [gateway, via, nexthops].every((hop) => hop === undefined);
      if (prefix.length >= SHORTEST_ROUTE) found.push({ prefix, by: String(dev ?? type ?? 'a route'), connected });
    }
  return found;
}

async function usedAddresses(own: string): Promise<UsedRange[]> {
  const found: UsedRange[] = [];
  for (const { ifname, addr_info: addresses } of await ipJson(['addr', 'show'])) {
    if (ifname === own || !Array.isArray(addresses)) continue;
    for (const { local, prefixlen } of addresses)
      if (typeof local === 'string')
        found.push({ prefix: parsePrefix(`${local}/${prefixlen}`), by: String(ifname), connected: true });
  }
  return found;
}

/** False where the kernel has no such switch (IPv6 switched off, say), or has another value there that cannot be changed. */
async function setSwitch(path: string, value: string): Promise<boolean> {
  const file = `/proc/sys/net/${path}`;
  try {
    if ((await readFile(file, 'utf8')).trim() !== value) await writeFile(file, value);
    return true;
  } catch {
    return false;
  }
}
