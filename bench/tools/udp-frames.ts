import type { CapturedPacket } from '../../test/netns/capture.ts';

/** One UDP datagram over IPv4 as it was captured; a super-packet of several counts as one. */
export interface Datagram {
  readonly seconds: number;
  readonly from: string;
  readonly to: string;
  readonly fromPort: number;
  readonly toPort: number;
  readonly payload: Uint8Array;
}

const IPV4 = 0x0800;
const UDP = 17;
const ETHERNET = 14;

/** The UDP datagrams of a capture, from an Ethernet device or from a TUN device; all else is left out. */
export function datagrams(packets: readonly CapturedPacket[], link: 'ethernet' | 'tun'): Datagram[] {
  return packets.flatMap(({ seconds, bytes }) => {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    const ip = link === 'tun' ? 0 : ETHERNET;
    if (bytes.length < ip + 28 || (link === 'ethernet' && view.getUint16(12) !== IPV4)) return [];
    if (bytes[ip] !== 0x45 || bytes[ip + 9] !== UDP) return [];
    const [from, to] = [address(bytes, ip + 12), address(bytes, ip + 16)];
    const ports = { fromPort: view.getUint16(ip + 20), toPort: view.getUint16(ip + 22) };
    return [{ seconds, from, to, ...ports, payload: bytes.subarray(ip + 28) }];
  });
}

function address(bytes: Uint8Array, at: number): string {
  return bytes.subarray(at, at + 4).join('.');
}
