import { encodeGreeting } from '../../api/channel/frames.ts';
import type { CryptoProvider, KeyPair } from '../../crypto/provider.ts';
import type { SettingsRow } from '../network/state.ts';

/** What a server shows and uses at the beginning of each channel. */
export interface ServerKeys {
  readonly as: KeyPair;
  readonly gms: KeyPair;
  /** Ed25519 */
  readonly caPublic: Uint8Array;
  readonly adminPublic: Uint8Array;
  /** the first frame of every channel */
  readonly greeting: Uint8Array;
}

export function serverKeys(
  provider: CryptoProvider,
  settings: Pick<SettingsRow, 'asSeed' | 'gmsSeed' | 'caSeed' | 'adminSeed'>,
): ServerKeys {
  const [as, gms] = [provider.x25519KeyPair(settings.asSeed), provider.x25519KeyPair(settings.gmsSeed)];
  return {
    as,
    gms,
    caPublic: provider.ed25519KeyPair(settings.caSeed).publicKey,
    adminPublic: provider.ed25519KeyPair(settings.adminSeed).publicKey,
    greeting: encodeGreeting({ asKey: as.publicKey, gmsKey: gms.publicKey }),
  };
}
