import { concat } from '../../src/base/bytes.ts';

export const TCP = { fin: 0x01, syn: 0x02, rst: 0x04, psh: 0x08, ack: 0x10, urg: 0x20, ece: 0x40, cwr: 0x80 } as const;

/** An inner TCP or UDP packet by its fields; the tests' own encoder, which shares nothing with what it tests. */
export interface InnerPacket {
  readonly version: 4 | 6;
  readonly protocol: 'tcp' | 'udp';
  readonly source: number;
  readonly destination: number;
  readonly sourcePort: number;
  readonly destinationPort: number;
  readonly ttl: number;
  readonly tos: number;
  readonly id: number;
  /** the three flag bits and the offset of the IPv4 header's seventh and eighth byte */
  readonly fragment: number;
  readonly flowLabel: number;
  /** IPv4 options, or whole IPv6 extension headers, whose chain starts at `firstExtension` and ends at TCP or UDP */
  readonly extra: Uint8Array;
  readonly firstExtension: number;
  readonly sequence: number;
  readonly acknowledgement: number;
  readonly flags: number;
  /** low half of the data offset byte: reserved, and once a checksum bit */
  readonly reserved: number;
  readonly window: number;
  readonly urgent: number;
  readonly tcpOptions: Uint8Array;
  readonly payload: Uint8Array;
  /** 'full', 'partial' (pseudo-header sum only) or 'none' (UDP without a checksum) */
  readonly checksum: 'full' | 'partial' | 'none';
}

export const BASE_PACKET: InnerPacket = {
  version: 4,
  protocol: 'tcp',
  source: 1,
  destination: 2,
  sourcePort: 40_000,
  destinationPort: 443,
  ttl: 64,
  tos: 0,
  id: 0x1234,
  fragment: 0x4000,
  flowLabel: 0x12345,
  extra: new Uint8Array(0),
  firstExtension: 0,
  sequence: 1_000_000,
  acknowledgement: 77_777,
  flags: TCP.ack,
  reserved: 0,
  window: 501,
  urgent: 0,
  tcpOptions: new Uint8Array(0),
  payload: new Uint8Array(0),
  checksum: 'full',
};

/** Payload bytes that differ at each position. */
export function payloadOf(length: number, seed = 1): Uint8Array {
  const out = new Uint8Array(length);
  for (let i = 0; i < length; i++) out[i] = (i * 31 + (i >> 8) * 17 + seed) & 0xff;
  return out;
}

export function innerPacket(fields: Partial<InnerPacket>): Uint8Array {
  const packet = { ...BASE_PACKET, ...fields };
  const l4 = packet.protocol === 'tcp' ? tcpSegment(packet) : udpDatagram(packet);
  const ip = packet.version === 4 ? ipv4Header(packet, l4.length) : ipv6Header(packet, l4.length);
  const whole = concat(ip, l4);
  fillL4Checksum(packet, whole, ip.length);
  return whole;
}

/** L3 and L4 header bytes of such a packet. */
export function headerBytes(fields: Partial<InnerPacket>): { readonly l4: number; readonly all: number } {
  const packet = { ...BASE_PACKET, ...fields };
  const l4 = (packet.version === 4 ? 20 : 40) + packet.extra.length;
  return { l4, all: l4 + (packet.protocol === 'tcp' ? 20 + packet.tcpOptions.length : 8) };
}

/** The packets that a super-packet of these fields stands for, each built from its own fields. */
export function expectedSegments(fields: Partial<InnerPacket>, gsoSize: number): Uint8Array[] {
  const whole = { ...BASE_PACKET, ...fields };
  const out: Uint8Array[] = [];
  for (let at = 0; at < whole.payload.length; at += gsoSize) {
    const last = at + gsoSize >= whole.payload.length;
    const first = at === 0;
    const kept = 0xff & ~(last ? 0 : TCP.fin | TCP.psh) & ~(first ? 0 : TCP.cwr);
    out.push(
      innerPacket({
        ...whole,
        id: (whole.id + out.length) & 0xffff,
        sequence: (whole.sequence + at) >>> 0,
        flags: whole.flags & kept,
        payload: whole.payload.subarray(at, at + gsoSize),
      }),
    );
  }
  return out;
}

export function protocolNumber(packet: Pick<InnerPacket, 'protocol'>): number {
  return packet.protocol === 'tcp' ? 6 : 17;
}

/** The one's complement sum of big-endian words, folded: one word at a time. */
export function referenceSum(bytes: Uint8Array): number {
  let sum = 0;
  for (let i = 0; i < bytes.length; i += 2) {
    sum += bytes[i] * 256 + (i + 1 < bytes.length ? bytes[i + 1] : 0);
    if (sum > 0xffff) sum -= 0xffff;
  }
  return sum;
}

/** The pseudo header as a byte string. */
export function pseudoHeader(packet: InnerPacket, l4Length: number): Uint8Array {
  const [source, destination] = [address(packet, packet.source), address(packet, packet.destination)];
  return concat(source, destination, be(4, l4Length), be(4, protocolNumber(packet)));
}

function fillL4Checksum(packet: InnerPacket, whole: Uint8Array, l4: number): void {
  const at = l4 + (packet.protocol === 'tcp' ? 16 : 6);
  if (packet.checksum === 'none') return;
  const pseudo = pseudoHeader(packet, whole.length - l4);
  if (packet.checksum === 'partial') {
    whole.set(be(2, referenceSum(pseudo)), at);
    return;
  }
  const sum = 0xffff - referenceSum(concat(pseudo, whole.subarray(l4)));
  whole.set(be(2, packet.protocol === 'udp' && sum === 0 ? 0xffff : sum), at);
}

function tcpSegment(packet: InnerPacket): Uint8Array {
  const offset = (((20 + packet.tcpOptions.length) / 4) << 4) | packet.reserved;
  return concat(
    be(2, packet.sourcePort),
    be(2, packet.destinationPort),
    be(4, packet.sequence),
    be(4, packet.acknowledgement),
    Uint8Array.of(offset, packet.flags),
    be(2, packet.window),
    be(2, 0),
    be(2, packet.urgent),
    packet.tcpOptions,
    packet.payload,
  );
}

function udpDatagram(packet: InnerPacket): Uint8Array {
  const length = 8 + packet.payload.length;
  // A super-packet's own UDP length field may not hold its size.
  return concat(be(2, packet.sourcePort), be(2, packet.destinationPort), be(2, length), be(2, 0), packet.payload);
}

function ipv4Header(packet: InnerPacket, l4Length: number): Uint8Array {
  const headerLength = 20 + packet.extra.length;
  const header = concat(
    Uint8Array.of(0x40 | (headerLength / 4), packet.tos),
    be(2, headerLength + l4Length),
    be(2, packet.id),
    be(2, packet.fragment),
    Uint8Array.of(packet.ttl, protocolNumber(packet), 0, 0),
    address(packet, packet.source),
    address(packet, packet.destination),
    packet.extra,
  );
  header.set(be(2, 0xffff - referenceSum(header)), 10);
  return header;
}

function ipv6Header(packet: InnerPacket, l4Length: number): Uint8Array {
  const next = packet.extra.length > 0 ? packet.firstExtension : protocolNumber(packet);
  return concat(
    be(4, (6 << 28) | (packet.tos << 20) | packet.flowLabel),
    be(2, packet.extra.length + l4Length),
    Uint8Array.of(next, packet.ttl),
    address(packet, packet.source),
    address(packet, packet.destination),
    packet.extra,
  );
}

function address(packet: InnerPacket, host: number): Uint8Array {
  return packet.version === 4
    ? Uint8Array.of(100, 64, host >> 8, host & 0xff)
    : concat(Uint8Array.of(0xfd, 0x47, 0x53, 0x43), new Uint8Array(10), be(2, host));
}

/** The low `size` bytes of a number, big-endian. */
export function be(size: number, value: number): Uint8Array {
  const out = new Uint8Array(size);
  for (let i = size - 1, rest = value >>> 0; i >= 0; i--, rest = Math.floor(rest / 256)) out[i] = rest % 256;
  return out;
}
