import { concat, utf8 } from '../base/bytes.ts';
import type { CryptoProvider } from '../crypto/provider.ts';
import { LABEL } from './constants.ts';
import { type Dde, ddeAad, ddeAuthenticated, encodeDde } from './dde.ts';
import { type DdeBox, decodeDdeBox, encodeDdeBox } from './dde-box.ts';
import type { DprpFault } from './fault.ts';

const NONCE = new Uint8Array(12);

/**
 * A whole DDE, mac2 still zero, with its box sealed under the domain key (protocol.md 2.2).
 * Nonce 0: the key hangs on e_I, which is used for one DDE only.
 */
export function sealDde(
  provider: CryptoProvider,
  kDde: Uint8Array,
  dde: Omit<Dde, 'box' | 'mac2'>,
  box: DdeBox,
): Uint8Array {
  const bytes = encodeDde({ ...dde, box: new Uint8Array(96), mac2: new Uint8Array(16) });
  const key = boxKey(provider, kDde, dde.ephemeral);
  const aad = ddeAad(bytes);
  bytes.set(provider.chachaSeal(key, NONCE, aad, encodeDdeBox(box)), aad.length);
  return bytes;
}

/** Opens the box of a decoded DDE; `bytes` is the datagram that it was decoded from. 'auth': its sender does not hold this domain key. */
export function openDde(
  provider: CryptoProvider,
  kDde: Uint8Array,
  bytes: Uint8Array,
  dde: Dde,
): DdeBox | DprpFault | 'auth' {
  const plaintext = provider.chachaOpen(boxKey(provider, kDde, dde.ephemeral), NONCE, ddeAad(bytes), dde.box);
  return plaintext === null ? 'auth' : decodeDdeBox(plaintext);
}

/** H(DDE): the same at every element of the path (protocol.md 2.3). */
export function hashDde(provider: CryptoProvider, bytes: Uint8Array): Uint8Array {
  return provider.sha256(ddeAuthenticated(bytes));
}

function boxKey(provider: CryptoProvider, kDde: Uint8Array, ephemeral: Uint8Array): Uint8Array {
  return provider.hkdfExpand(kDde, concat(utf8(LABEL.ddeBox), ephemeral), 32);
}
