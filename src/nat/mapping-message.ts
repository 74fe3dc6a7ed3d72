import { ByteReader } from '../base/byte-reader.ts';
import { ByteWriter } from '../base/byte-writer.ts';
import { isZero } from '../base/bytes.ts';
import type { AddressBytes } from '../base/ip-address.ts';

/*
 * What a router is asked for a mapping by, UDP port 5351: PCP (RFC 6887) and NAT-PMP (RFC 6886), UDP mappings only.
 *
 *   PCP MAP request   version 2 · opcode 1 · 0 × 2 · lifetime 4 · client 16 ·
 *                     nonce 12 · protocol 1 · 0 × 3 · internal port 2 · external port 2 · external address 16      = 60
 *   PCP MAP answer    version 2 · opcode 129 · 0 · result 1 · lifetime 4 · epoch 4 · 0 × 12 · as above from nonce  = 60
 *   NAT-PMP request   version 0 · opcode 1 · 0 × 2 · internal port 2 · external port 2 · lifetime 4                = 12
 *   NAT-PMP answer    version 0 · opcode 129 · result 2 · epoch 4 · internal port 2 · external port 2 · lifetime 4 = 16
 *   address question  version 0 · opcode 0                                                                        = 2
 *   address answer    version 0 · opcode 128 · result 2 · epoch 4 · address 4                                      = 12
 *
 * Routers announce a restart by multicast: PCP ANNOUNCE (opcode 0 | 128), or the address answer of NAT-PMP.
 */

export const MAPPING_PORT = 5351;
const UDP = 17;
const MAP = 1;
const ANNOUNCE = 0;
const ANSWER = 0x80;
const PCP_BYTES = 60;
const PCP_MOST = 1_100;

/** IPv4 addresses as IPv6 has them, ::ffff:a.b.c.d */
const MAPPED_PREFIX = Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff);

export interface PcpMap {
  /** this node's address towards the router */
  readonly client: AddressBytes;
  /** 12 bytes, the same for all requests of one mapping */
  readonly nonce: Uint8Array;
  readonly internalPort: number;
  /** what is suggested: port 0 and no address at first */
  readonly externalPort: number;
  readonly externalAddress: AddressBytes | undefined;
  /** seconds; 0 deletes */
  readonly lifetime: number;
}

export type RouterAnswer =
  | {
      readonly kind: 'pcp-map';
      readonly result: number;
      readonly lifetime: number;
      readonly epoch: number;
      readonly nonce: Uint8Array;
      readonly internalPort: number;
      readonly externalPort: number;
      readonly externalAddress: AddressBytes;
    }
  /** of another opcode or version: `result` tells why PCP is not spoken, or that the router started again */
  | { readonly kind: 'pcp-other'; readonly result: number; readonly epoch: number }
  | {
      readonly kind: 'natpmp-map';
      readonly result: number;
      readonly epoch: number;
      readonly internalPort: number;
      readonly externalPort: number;
      readonly lifetime: number;
    }
  | { readonly kind: 'natpmp-address'; readonly result: number; readonly epoch: number; readonly address: AddressBytes }
  | { readonly kind: 'natpmp-other'; readonly result: number };

export type MappingFault = 'length' | 'version' | 'opcode' | 'protocol';

/** PCP result codes that decide what is done next (RFC 6887, 7.4). */
export const PCP_RESULT = { success: 0, unsupportedVersion: 1, cannotProvideExternal: 11 } as const;

export function encodePcpMap(map: PcpMap): Uint8Array {
  const writer = new ByteWriter(PCP_BYTES).u8(2).u8(MAP).zeros(2).u32(map.lifetime);
  writeMapped(writer, map.client).raw(map.nonce).u8(UDP).zeros(3).u16(map.internalPort).u16(map.externalPort);
  const none = map.client.length === 4 ? new Uint8Array(4) : new Uint8Array(16);
  return writeMapped(writer, map.externalAddress ?? none).finish();
}

export function encodeNatPmpMap(internalPort: number, externalPort: number, lifetime: number): Uint8Array {
  return new ByteWriter(12).u8(0).u8(MAP).zeros(2).u16(internalPort).u16(externalPort).u32(lifetime).finish();
}

export function encodeNatPmpAddress(): Uint8Array {
  return Uint8Array.of(0, 0);
}

/** Whatever came from the router's port. */
export function decodeRouterAnswer(bytes: Uint8Array): RouterAnswer | MappingFault {
  if (bytes.length < 4) return 'length';
  const [version, opcode] = bytes;
  if (!(opcode & ANSWER)) return 'opcode';
  if (version === 0) return decodeNatPmp(bytes, opcode & ~ANSWER);
  return version === 2 ? decodePcp(bytes, opcode & ~ANSWER) : 'version';
}

function decodePcp(bytes: Uint8Array, opcode: number): RouterAnswer | MappingFault {
  if (bytes.length < 24 || bytes.length > PCP_MOST || bytes.length % 4 !== 0) return 'length';
  const reader = new ByteReader(bytes, 3);
  const [result, lifetime, epoch] = [reader.u8(), reader.u32(), reader.u32()];
  if (opcode === ANNOUNCE) return { kind: 'pcp-other', result, epoch };
  if (opcode !== MAP) return 'opcode';
  // a router may leave the body out of a refusal; options may follow it
  if (bytes.length < PCP_BYTES) return result === PCP_RESULT.success ? 'length' : { kind: 'pcp-other', result, epoch };
  const body = new ByteReader(bytes, 24);
  const nonce = body.raw(12);
  if (body.u8() !== UDP) return 'protocol';
  body.raw(3);
  const [internalPort, externalPort, address] = [body.u16(), body.u16(), unmapped(body.raw(16))];
  return { kind: 'pcp-map', result, lifetime, epoch, nonce, internalPort, externalPort, externalAddress: address };
}

function decodeNatPmp(bytes: Uint8Array, opcode: number): RouterAnswer | MappingFault {
  const reader = new ByteReader(bytes, 2);
  const result = reader.u16();
  if (bytes.length < 8) return result === 0 ? 'length' : { kind: 'natpmp-other', result };
  const epoch = reader.u32();
  if (opcode === 0) {
    if (bytes.length === 12) return { kind: 'natpmp-address', result, epoch, address: reader.raw(4) };
    return result === 0 ? 'length' : { kind: 'natpmp-other', result };
  }
  if (opcode !== MAP) return 'opcode';
  if (bytes.length !== 16) return result === 0 ? 'length' : { kind: 'natpmp-other', result };
  const [internalPort, externalPort, lifetime] = [reader.u16(), reader.u16(), reader.u32()];
  return { kind: 'natpmp-map', result, epoch, internalPort, externalPort, lifetime };
}

function writeMapped(writer: ByteWriter, address: AddressBytes): ByteWriter {
  return address.length === 4 ? writer.raw(MAPPED_PREFIX).raw(address) : writer.raw(address);
}

function unmapped(address: Uint8Array): AddressBytes {
  const isFour = isZero(address, 0, 10) && address[10] === 0xff && address[11] === 0xff;
  return isFour ? address.slice(12) : address;
}
