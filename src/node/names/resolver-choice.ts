import { existsSync, readFileSync } from 'node:fs';
import { type MachinePlace, machinePlace, placeFacts } from './machine-place.ts';

/** Ways to tell the machine's programs of the names, each without touching whom they ask about all other names. */
export type ResolverMode = 'resolved' | 'resolvconf' | 'hosts';

/** What the machine's look-ups go by; undefined: there is no such file. */
export interface ResolverFacts {
  readonly place: MachinePlace;
  readonly resolvConf: string | undefined;
  readonly nsswitch: string | undefined;
  readonly resolvconfSettings: string | undefined;
  readonly hasResolved: boolean;
  readonly hasResolvconf: boolean;
}

/**
 * The ways that are open here, the best first. systemd-resolved only where programs ask it: it runs beside other resolvers,
 * too. resolvconf only where it gives a domain to a server of its own (openresolv with a local resolver): everywhere else
 * it would send every question of the machine to this node.
 */
export function resolverModes(facts: ResolverFacts): ResolverMode[] {
  if (facts.place === 'apart') return [];
  if (facts.place === 'own-files') return ['hosts'];
  return [
    ...(facts.hasResolved && asksResolved(facts) ? (['resolved'] as const) : []),
    ...(facts.hasResolvconf && splits(facts) ? (['resolvconf'] as const) : []),
    'hosts',
  ];
}

function asksResolved({ resolvConf = '', nsswitch = '' }: ResolverFacts): boolean {
  const byStub = servers(resolvConf).some((server) => server === '127.0.0.53' || server === '127.0.0.54');
  return byStub || /^hosts:.*\bresolve\b/m.test(nsswitch);
}

function splits({ resolvConf = '', resolvconfSettings = '' }: ResolverFacts): boolean {
  const local = servers(resolvConf)[0] ?? '';
  const isLocal = local.startsWith('127.') || local === '::1';
  return isLocal && /^\s*(?:dnsmasq_conf|unbound_conf|named_zones|pdnsd_conf|pdns_zones)=\S/m.test(resolvconfSettings);
}

function servers(resolvConf: string): string[] {
  return resolvConf.split('\n').flatMap((line) => {
    const [key, value] = line.trim().split(/\s+/);
    return key === 'nameserver' && value !== undefined ? [value] : [];
  });
}

/** The facts of this machine as they are now. */
export function resolverFacts(): ResolverFacts {
  return {
    place: machinePlace(placeFacts()),
    resolvConf: textOf('/etc/resolv.conf'),
    nsswitch: textOf('/etc/nsswitch.conf'),
    resolvconfSettings: textOf('/etc/resolvconf.conf'),
    hasResolved: existsSync('/run/systemd/resolve'),
    hasResolvconf: ['/sbin/resolvconf', '/usr/sbin/resolvconf'].some((path) => existsSync(path)),
  };
}

function textOf(path: string): string | undefined {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return undefined;
  }
}
