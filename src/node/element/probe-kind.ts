import { NAT_KIND } from '../../nat/constants.ts';

/** Tunnel Request and Response: what a path is tried with before there is an SA (protocol.md 6.1). */
export function isProbe(kind: number): boolean {
  return kind === NAT_KIND.tunnelRequest || kind === NAT_KIND.tunnelResponse;
}
