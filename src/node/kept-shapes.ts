import { setFlagsFromString } from 'node:v8';
import { ByteReader } from '../base/byte-reader.ts';
import { ByteWriter } from '../base/byte-writer.ts';
import { SymmetricState } from '../crypto/noise-symmetric.ts';
import { type CryptoProvider, LENGTH } from '../crypto/provider.ts';
import { Handshake } from '../dprp/handshake.ts';

/** Collections of garbage that a shape outlives its last object. */
const COLLECTIONS = 120;

const kept: object[] = [];

/**
 * Keeps what the compiler made of a handshake. V8 throws machine code away with the last object of a shape that the code knows,
 * and a handshake leaves no object behind: after one collection of garbage in a quiet hour the next first packet would wait
 * for the interpreter, and for as long as it takes to compile all anew, hundreds of handshakes (bench/README.md).
 */
export function keepShapes(provider: CryptoProvider): void {
  if (kept.length > 0) return;
  setFlagsFromString(`--retain-maps-for-n-gc=${COLLECTIONS}`);
  // throw-away keys: these are never used
  const pair = provider.x25519KeyPair(new Uint8Array(LENGTH.key));
  const handshake = new Handshake(provider, 'initiator', { static: pair, ephemeral: pair });
  const symmetric = new SymmetricState(provider, 'shapes');
  symmetric.mixKey(new Uint8Array(LENGTH.key));
  const bytes = new Uint8Array(1);
  kept.push(
    new ByteReader(bytes),
    new ByteWriter(bytes.length),
    handshake,
    handshake.snapshot(),
    symmetric,
    symmetric.clone(),
  );
}
