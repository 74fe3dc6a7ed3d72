/** One label of a host name (RFC 1123 2.1), lower case. */
const LABEL = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;

/**
 * Names that programs look for by themselves and then obey, or that mean this machine: no member is found under one,
 * whoever called it so.
 */
const RESERVED: ReadonlySet<string> = new Set(['localhost', 'ip6-localhost', 'ip6-loopback', 'wpad', 'isatap']);

/** The host name of a member by its name, or why it has none. */
export function hostLabel(name: string): { readonly label: string } | 'no-label' | 'reserved' {
  const label = name.toLowerCase();
  if (!LABEL.test(label)) return 'no-label';
  return RESERVED.has(label) ? 'reserved' : { label };
}

/** The domain of a network by its free name: "Müller & Co" gives "muller-co.gscip". */
export function networkDomain(network: string): string {
  const label = network
    .normalize('NFKD')
    .toLowerCase()
    .replace(/\p{M}/gu, '')
    .replace(/[^a-z0-9]+/g, '-')
    .slice(0, 63)
    .replace(/^-+|-+$/g, '');
  return `${label === '' ? 'network' : label}.${TOP}`;
}

/** Whether a name belongs to some network's domain. */
export function isOverlayName(host: string): boolean {
  return host.toLowerCase().replace(/\.$/, '').endsWith(`.${TOP}`);
}

/** What all networks' domains lie below; it is no domain of the public DNS. */
const TOP = 'gscip';
