import { readFile, writeFile } from 'node:fs/promises';
import { GscipError } from '../base/errors.ts';
import { ipCommand, ipJson } from './ip-command.ts';
import { formatPrefix, overlaps, type Prefix, parsePrefix } from './prefix.ts';

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
 * Sets kernel switches, addresses, MTU and routes of a TUN device (protocol.md 5.1: no link-local address of the
 * kernel's own, no router advertisements, strict reverse path filter).
 */
export async function configureInterface(plan: InterfacePlan): Promise<void> {
  const v6 = plan.addresses.some((address) => address.includes(':'));
  await setSwitch(`ipv4/conf/${plan.name}/rp_filter`, '1');
  const v6Possible = await setSwitch(`ipv6/conf/${plan.name}/addr_gen_mode`, '1');
  await setSwitch(`ipv6/conf/${plan.name}/accept_ra`, '0');
  if (v6 && v6Possible) await setSwitch(`ipv6/conf/${plan.name}/disable_ipv6`, '0');
  const lines = [`link set dev ${plan.name} mtu ${plan.mtu} txqueuelen 1000 up`];
  for (const address of plan.addresses)
    if (v6Possible || !address.includes(':'))
      lines.push(`addr add ${address}/${address.includes(':') ? '128 nodad' : '32'} dev ${plan.name}`);
  for (const route of plan.routes)
    if (v6Possible || route.family === 4) lines.push(`route add ${formatPrefix(route)} dev ${plan.name}`);
  await ipCommand(['-batch', '-'], `${lines.join('\n')}\n`);
}

/** Refuses a range that overlaps a route or an address which the machine already uses (other than on `own`). */
export async function refuseOverlap(ranges: readonly Prefix[], own: string): Promise<void> {
  for (const used of await usedRanges(own)) {
    const clash = ranges.find((range) => overlaps(range, used.prefix));
    if (clash)
      throw new GscipError(
        'pool-overlap',
        `the overlay range ${formatPrefix(clash)} overlaps ${formatPrefix(used.prefix)}, which is reached through ${used.device}`,
        'choose another pool for the network (gscip authority init --pool), or remove that route',
      );
  }
}

interface UsedRange {
  readonly prefix: Prefix;
  readonly device: string;
}

async function usedRanges(own: string): Promise<UsedRange[]> {
  const found: UsedRange[] = [];
  for (const family of ['-4', '-6'])
    for (const row of await ipJson([family, 'route', 'show', 'table', 'main'])) {
      const { dst, dev } = row;
      if (typeof dst !== 'string' || typeof dev !== 'string' || dst === 'default' || dev === own) continue;
      found.push({ prefix: parsePrefix(dst), device: dev });
    }
  return found;
}

/** False where the kernel has no such switch (IPv6 switched off, say). */
async function setSwitch(path: string, value: string): Promise<boolean> {
  const file = `/proc/sys/net/${path}`;
  try {
    if ((await readFile(file, 'utf8')).trim() !== value) await writeFile(file, value);
    return true;
  } catch {
    return false;
  }
}
