/*
 * A capture file as Wireshark reads it (draft-ietf-opsawg-pcapng): one section, one interface of raw IP packets, one enhanced packet
 * block for each packet. Little endian; every block is a multiple of four bytes and ends with its length once more.
 */

const SECTION = 0x0a0d0d0a;
const INTERFACE = 1;
const PACKET_BLOCK = 6;
const RAW_IP = 101;
const SNAP = 65_535;
const OPTION = { end: 0, comment: 1, name: 2, flags: 2 } as const;
const DIRECTION = { in: 1, out: 2 } as const;

/** The beginning of a file: what it is, and the interface that its packets went by. */
export function pcapngHeader(comment: string, device: string): Uint8Array {
  const section = Buffer.alloc(16);
  section.writeUInt32LE(0x1a2b3c4d, 0);
  section.writeUInt16LE(1, 4);
  section.writeBigInt64LE(-1n, 8);
  const link = Buffer.alloc(8);
  link.writeUInt16LE(RAW_IP, 0);
  link.writeUInt32LE(SNAP, 4);
  return Buffer.concat([
    block(SECTION, section, option(OPTION.comment, Buffer.from(comment))),
    block(INTERFACE, link, option(OPTION.name, Buffer.from(device))),
  ]);
}

/** One packet. `at` in milliseconds since 1970; `length` before it was cut. */
export function pcapngPacket(bytes: Uint8Array, length: number, at: number, direction: 'in' | 'out'): Uint8Array {
  const head = Buffer.alloc(20);
  const micros = BigInt(Math.round(at * 1_000));
  head.writeUInt32LE(Number(micros >> 32n), 4);
  head.writeUInt32LE(Number(micros & 0xffff_ffffn), 8);
  head.writeUInt32LE(bytes.length, 12);
  head.writeUInt32LE(length, 16);
  const flags = Buffer.alloc(4);
  flags.writeUInt32LE(DIRECTION[direction]);
  return block(PACKET_BLOCK, Buffer.concat([head, padded(bytes)]), option(OPTION.flags, flags));
}

function block(type: number, body: Uint8Array, options: Uint8Array): Uint8Array {
  const length = 12 + body.length + options.length;
  const [head, tail] = [Buffer.alloc(8), Buffer.alloc(4)];
  head.writeUInt32LE(type, 0);
  head.writeUInt32LE(length, 4);
  tail.writeUInt32LE(length, 0);
  return Buffer.concat([head, body, options, tail]);
}

/** One option, and the end of options. */
function option(code: number, value: Uint8Array): Uint8Array {
  const head = Buffer.alloc(4);
  head.writeUInt16LE(code, 0);
  head.writeUInt16LE(value.length, 2);
  return Buffer.concat([head, padded(value), Buffer.alloc(4, OPTION.end)]);
}

function padded(bytes: Uint8Array): Uint8Array {
  return Buffer.concat([bytes, Buffer.alloc((4 - (bytes.length % 4)) % 4)]);
}
