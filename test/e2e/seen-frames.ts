import type { CapturedPacket } from '../netns/capture.ts';

const ETHERNET = 14;
const TYPE = { ipv4: 0x0800, ipv6: 0x86dd } as const;

/** A captured IP packet with what tests ask of it. */
export interface SeenPacket {
  readonly family: 4 | 6;
  readonly protocol: number;
  /** as hex digits */
  readonly source: string;
  readonly destination: string;
  /** from the IP header on */
  readonly bytes: Buffer;
  /** from the header above IP on; IPv6 extension headers count as such */
  readonly above: Buffer;
}

/** The IP packets of a capture on Ethernet. */
export function ipPackets(captured: readonly CapturedPacket[]): SeenPacket[] {
  return captured.flatMap(({ bytes }) => {
    const frame = Buffer.from(bytes);
    const type = frame.length < ETHERNET + 20 ? 0 : frame.readUInt16BE(12);
    const ip = frame.subarray(ETHERNET);
    if (type === TYPE.ipv4)
      return [seen(4, ip[9] ?? 0, ip.subarray(12, 16), ip.subarray(16, 20), ip, ((ip[0] ?? 0) & 0x0f) << 2)];
    if (type === TYPE.ipv6) return [seen(6, ip[6] ?? 0, ip.subarray(8, 24), ip.subarray(24, 40), ip, 40)];
    return [];
  });
}

/** Packets of an inner network: their source or destination begins with one of these bytes. */
export function withAddresses(packets: readonly SeenPacket[], ...prefixes: readonly string[]): SeenPacket[] {
  return packets.filter(({ source, destination }) =>
    prefixes.some((prefix) => source.startsWith(prefix) || destination.startsWith(prefix)),
  );
}

function seen(
  family: 4 | 6,
  protocol: number,
  source: Buffer,
  destination: Buffer,
  bytes: Buffer,
  header: number,
): SeenPacket {
  const [from, to] = [source.toString('hex'), destination.toString('hex')];
  return { family, protocol, source: from, destination: to, bytes, above: bytes.subarray(header) };
}
