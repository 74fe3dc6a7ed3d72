import { isZero } from './bytes.ts';

/** Connection id: what names a flow (protocol.md 1.3). Addresses are 16 bytes, IPv4 in the last four, the others zero. */
export interface Cid {
  readonly family: 4 | 6;
  readonly protocol: number;
  readonly source: Uint8Array;
  readonly destination: Uint8Array;
  /** ICMP echo: the id as both ports; other protocols: 0 (protocol.md 5.1). */
  readonly sourcePort: number;
  readonly destinationPort: number;
}

/*
 *  0        1        2            18           34            36            38
 *  | family | proto  | source 16  | dest. 16   | source port | dest. port  |
 */
export const CID_SIZE = 38;
const SOURCE = 2;
const DESTINATION = 18;
const PORTS = 34;
/** Bytes of a 16-byte address that are zero for IPv4. */
const PAD = 12;

export type CidFault = 'short' | 'family' | 'pad';

/** The 38 bytes of a CID. */
export function encodeCid(cid: Cid): Uint8Array {
  const bytes = new Uint8Array(CID_SIZE);
  bytes[0] = cid.family;
  bytes[1] = cid.protocol;
  bytes.set(cid.source, SOURCE);
  bytes.set(cid.destination, DESTINATION);
  const view = new DataView(bytes.buffer);
  view.setUint16(PORTS, cid.sourcePort);
  view.setUint16(PORTS + 2, cid.destinationPort);
  return bytes;
}

/** Reads the CID that starts at `at`; IPv4 with a pad byte that is not zero has no canonical form and is refused. */
export function decodeCid(bytes: Uint8Array, at: number): Cid | CidFault {
  if (at < 0 || at + CID_SIZE > bytes.length) return 'short';
  const family = bytes[at];
  if (family !== 4 && family !== 6) return 'family';
  if (family === 4 && !(zeroPad(bytes, at + SOURCE) && zeroPad(bytes, at + DESTINATION))) return 'pad';
  const view = new DataView(bytes.buffer, bytes.byteOffset + at, CID_SIZE);
  return {
    family,
    protocol: view.getUint8(1),
    source: bytes.slice(at + SOURCE, at + DESTINATION),
    destination: bytes.slice(at + DESTINATION, at + PORTS),
    sourcePort: view.getUint16(PORTS),
    destinationPort: view.getUint16(PORTS + 2),
  };
}

/** The CID of the answers: addresses and ports exchanged. */
export function reverseCid(cid: Cid): Cid {
  return {
    family: cid.family,
    protocol: cid.protocol,
    source: cid.destination,
    destination: cid.source,
    sourcePort: cid.destinationPort,
    destinationPort: cid.sourcePort,
  };
}

function zeroPad(bytes: Uint8Array, at: number): boolean {
  return isZero(bytes, at, at + PAD);
}
