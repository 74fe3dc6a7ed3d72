import type { ByteReader } from '../base/byte-reader.ts';
import type { ByteWriter } from '../base/byte-writer.ts';
import { isZero } from '../base/bytes.ts';
import { padAddress } from '../base/ip-address.ts';
import { formatPath, type PathAddress, parsePath } from '../base/path-address.ts';

/*
 * An address and port in 19 bytes (protocol.md 6.1): family 1 (0 none, 4, 6) · address 16 · port 2.
 * IPv4 stands in the last four bytes of the address, as in a CID; "none" is all zero.
 */

export const ENDPOINT_BYTES = 19;

export function writeEndpoint(writer: ByteWriter, endpoint: PathAddress | undefined): ByteWriter {
  if (endpoint === undefined) return writer.zeros(ENDPOINT_BYTES);
  const { family, address, port } = parsePath(endpoint);
  return writer.u8(family).raw(padAddress(address)).u16(port);
}

/** Undefined for "none"; null for what is no endpoint. A port of 0 is none. */
export function readEndpoint(reader: ByteReader): PathAddress | undefined | null {
  const family = reader.u8();
  const address = reader.raw(16);
  const port = reader.u16();
  if (family === 0) return port === 0 && isZero(address) ? undefined : null;
  if (port === 0) return null;
  if (family === 4) return isZero(address, 0, 12) ? formatPath(4, address.slice(12), port) : null;
  return family === 6 ? formatPath(6, address, port) : null;
}
