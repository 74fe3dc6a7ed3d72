import type { GroupView } from './negotiation-deps.ts';

/**
 * Whether SAs of a chain may still be rekeyed under the version that admitted it: `retain=flow` holds, and K_psk of that
 * version is kept (protocol.md 2.6, 10.2).
 */
export function chainLives({ retainFlow, versions }: GroupView, chain: number): boolean {
  return retainFlow && chain !== 0 && versions.some(({ v, kPsk }) => v === chain && kPsk !== undefined);
}
