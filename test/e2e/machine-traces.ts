import { readFileSync } from 'node:fs';
import type { Namespace } from '../../src/cli/lab/namespace.ts';

/**
 * All that a node could leave behind in a machine, as lines: interfaces, addresses, routes and rules of all tables, nftables,
 * kernel switches, and the file by which names are found. Without counters, lifetimes, and what differs from one boot to the next.
 */
export function traces(where: Namespace, stays: readonly string[], hosts = '/etc/hosts'): readonly string[] {
  const ip = (...words: readonly string[]) => where.ip(...words).split('\n');
  return [
    ...ip('-o', 'addr').map((line) => line.replace(/ (valid|preferred)_lft \S+/g, '')),
    ...ip('-o', 'link').map((line) => line.replace(/link\/ether.*|link-netns\S* \S+/g, '')),
    ...['-4', '-6'].flatMap((family) => [
      ...ip(family, 'route', 'show', 'table', 'all').map((line) => line.replace(/ expires \S+/, '')),
      ...ip(family, 'rule'),
    ]),
    ...where.now('nft', ['-s', 'list', 'ruleset']).split('\n'),
    ...switches(where, stays),
    ...readFileSync(hosts, 'latin1')
      .split('\n')
      .map((line) => `hosts: ${line}`),
  ]
    .filter((line) => !/fe80:|^\s*$/.test(line)) // link-local addresses are made from random ones
    .map((line) =>
      line
        .replace(/^\d+: /, '')
        .replace(/@if\d+/, '')
        .trimEnd(),
    );
}

/** Kernel switches of the machine and of the interfaces that stay. */
function switches(where: Namespace, stays: readonly string[]): readonly string[] {
  const names = ['all', 'default', ...stays].flatMap((device) => [
    ...['forwarding', 'rp_filter', 'accept_local', 'src_valid_mark', 'arp_ignore', 'proxy_arp'].map(
      (name) => `net.ipv4.conf.${device}.${name}`,
    ),
    ...['forwarding', 'accept_ra', 'proxy_ndp'].map((name) => `net.ipv6.conf.${device}.${name}`),
  ]);
  return where.now('sysctl', [...names, 'net.ipv4.ip_forward', 'net.ipv4.ping_group_range']).split('\n');
}
