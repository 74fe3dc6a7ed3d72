import type { UnixSeconds } from '../../base/brands.ts';
import type { CryptoProvider } from '../../crypto/provider.ts';

/** What the rules take from outside. */
export interface Tools {
  readonly provider: CryptoProvider;
  readonly random: (length: number) => Uint8Array;
  readonly now: UnixSeconds;
}
