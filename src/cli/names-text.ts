import type { DnsStatus } from '../api/status.ts';

/** By what programs of this machine find members by name, in one line. */
export function namesText({ mode, domain, names, server }: DnsStatus): string {
  const count = `${names} as NAME.${domain}`;
  switch (mode) {
    case 'off':
      return 'not given to this machine (--no-dns)';
    case 'none':
      return server === null ? 'not found by this machine' : `${count}, for whoever asks ${server}`;
    case 'hosts':
      return `${count} or NAME, by /etc/hosts`;
    default:
      return `${count} or NAME, by ${mode === 'resolved' ? 'systemd-resolved' : mode}`;
  }
}
