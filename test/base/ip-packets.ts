import { concat } from '../../src/base/bytes.ts';
import { parseFlow } from '../../src/base/flow.ts';
import { FLOW } from '../../src/base/flow-words.ts';
import { parseAddress } from '../../src/base/ip-address.ts';

/** Packets for tests, built field by field; checksums are left zero, nothing under test reads them. */

export function address(text: string): Uint8Array {
  const bytes = parseAddress(text);
  if (bytes === null) throw new RangeError(text);
  return bytes;
}

export interface Ipv4Fields {
  readonly source?: string;
  readonly destination?: string;
  readonly protocol?: number;
  readonly id?: number;
  /** in bytes */
  readonly fragmentOffset?: number;
  readonly more?: boolean;
  readonly options?: Uint8Array;
}

export function ipv4(payload: Uint8Array, fields: Ipv4Fields = {}): Uint8Array {
  const options = fields.options ?? new Uint8Array(0);
  const header = new Uint8Array(20 + options.length);
  const view = new DataView(header.buffer);
  header[0] = 0x40 | (header.length / 4);
  view.setUint16(2, header.length + payload.length);
  view.setUint16(4, fields.id ?? 0);
  view.setUint16(6, ((fields.fragmentOffset ?? 0) / 8) | (fields.more === true ? 0x2000 : 0));
  header[8] = 64;
  header[9] = fields.protocol ?? 17;
  header.set(address(fields.source ?? '100.64.0.1'), 12);
  header.set(address(fields.destination ?? '100.64.0.2'), 16);
  header.set(options, 20);
  return concat(header, payload);
}

export interface Ipv6Fields {
  readonly source?: string;
  readonly destination?: string;
  readonly next?: number;
}

export function ipv6(payload: Uint8Array, fields: Ipv6Fields = {}): Uint8Array {
  const header = new Uint8Array(40);
  header[0] = 0x60;
  new DataView(header.buffer).setUint16(4, payload.length);
  header[6] = fields.next ?? 17;
  header[7] = 64;
  header.set(address(fields.source ?? 'fd00::1'), 8);
  header.set(address(fields.destination ?? 'fd00::2'), 24);
  return concat(header, payload);
}

/** An extension header of 8 × `units` bytes. */
export function extension(next: number, units = 1): Uint8Array {
  const bytes = new Uint8Array(8 * units);
  bytes[0] = next;
  bytes[1] = units - 1;
  return bytes;
}

export function fragmentHeader(next: number, id: number, offset: number, more: boolean): Uint8Array {
  const bytes = new Uint8Array(8);
  const view = new DataView(bytes.buffer);
  bytes[0] = next;
  view.setUint16(2, offset | (more ? 1 : 0));
  view.setUint32(4, id);
  return bytes;
}

export function tcp(source: number, destination: number, flags = 0x10, payload = 0, headerWords = 5): Uint8Array {
  const bytes = new Uint8Array(Math.max(20, 4 * headerWords) + payload);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, source);
  view.setUint16(2, destination);
  bytes[12] = headerWords << 4;
  bytes[13] = flags;
  return bytes;
}

export function udp(source: number, destination: number, payload = 0): Uint8Array {
  const bytes = new Uint8Array(8 + payload);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, source);
  view.setUint16(2, destination);
  view.setUint16(4, bytes.length);
  return bytes;
}

export function icmp(type: number, id: number, rest: Uint8Array = new Uint8Array(0)): Uint8Array {
  const bytes = new Uint8Array(8);
  bytes[0] = type;
  new DataView(bytes.buffer).setUint16(4, id);
  return concat(bytes, rest);
}

/** Parses a packet that lies at an odd place of a larger buffer, so that a forgotten offset shows. */
export function parse(packet: Uint8Array): { status: number; flow: Int32Array } {
  const arena = concat(new Uint8Array(13).fill(0x5a), packet, new Uint8Array(9).fill(0xa5));
  const flow = new Int32Array(FLOW.stride).fill(0x77777777);
  return { status: parseFlow(new DataView(arena.buffer), 13, packet.length, flow), flow };
}
