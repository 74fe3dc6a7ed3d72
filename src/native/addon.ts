import { createRequire } from 'node:module';
import type { Brand } from '../base/brands.ts';
import type { PacketPrimitives } from '../base/primitives.ts';

/** Name of a system error such as 'EADDRINUSE', as the device calls report it. */
export type ErrnoName = Brand<string, 'ErrnoName'>;

/** A running watch on a file descriptor, from `pollStart` to `pollStop`. */
export type PollHandle = Brand<number, 'PollHandle'>;

export interface TunOptions {
  /** Take and give super-packets (virtio-net header, TSO, USO) as far as the kernel can. */
  readonly offload: boolean;
  readonly multiQueue: boolean;
}

/** An open TUN device and what the kernel granted of the offloads. */
export interface TunDevice {
  readonly fd: number;
  readonly name: string;
  readonly vnet: boolean;
  readonly tso: boolean;
  readonly uso: boolean;
}

export interface UdpOptions {
  /** Text form of an IPv4 or IPv6 address; absent: all addresses of both families. */
  readonly address?: string;
  /** 0 lets the kernel choose. */
  readonly port: number;
  readonly gro: boolean;
  readonly gso: boolean;
  readonly reusePort: boolean;
  /** SO_MARK; without CAP_NET_ADMIN the socket has none */
  readonly mark?: number;
}

/** A TCP socket with SO_MARK, see `UdpOptions`. */
export interface TcpOptions {
  /** number, not name; absent when binding: all addresses of both families */
  readonly address?: string;
  readonly port: number;
  readonly mark: number;
}

/** An open UDP socket. Family 6 without an address is dual-stack; 4 means that IPv6 is missing or an IPv4 address was asked for. */
export interface UdpSocket {
  readonly fd: number;
  readonly port: number;
  readonly family: 4 | 6;
  readonly gso: boolean;
  readonly gro: boolean;
}

/** What sending has taught about a socket. */
export interface UdpState {
  /** False once the kernel or the network card has refused UDP_SEGMENT: every datagram is then sent by itself. */
  readonly gso: boolean;
  /** Most datagrams that the kernel takes in one send (64 before Linux 6.9). */
  readonly maxSegments: number;
  /** Name of the last error of a send, '' if none. */
  readonly lastError: ErrnoName | '';
}

/** Batch I/O on TUN and UDP; tables and arenas as in `PacketPrimitives`. */
export interface DeviceIo {
  tunOpen(name: string, options: TunOptions): TunDevice | ErrnoName;
  /** Reads until the device is empty, `max` rows are filled or the arena has no room for a largest packet. Rows, or a negative errno. */
  tunReadBatch(fd: number, vnet: boolean, arena: Uint8Array, packets: Int32Array, max: number): number;
  /** `coalesceBatch` written straight to TUN. Returns the number of failed writes. */
  deliver(fd: number, vnet: boolean, arena: Uint8Array, records: Int32Array, runs: Int32Array, count: number): number;

  udpOpen(options: UdpOptions): UdpSocket | ErrnoName;
  /** Begins to connect and does not wait. The number is the caller's to close. */
  tcpConnect(options: TcpOptions): number | ErrnoName;
  /** Bound; to listen is the caller's business. The number is the caller's to close. */
  tcpBind(options: TcpOptions): number | ErrnoName;
  /** Fills up to `max` message rows, and no more once UDP_BATCH_BYTES are there; message k lies at k * UDP_MESSAGE_STRIDE. Rows, or a negative errno. */
  udpReceiveBatch(fd: number, arena: Uint8Array, messages: Int32Array, max: number): number;
  /** `sealBatch` sent at once. Returns the number of sends that the kernel took. */
  sealAndSend(fd: number, arena: Uint8Array, packets: Int32Array, count: number): number;
  /** Sends one datagram; address of 4 or 16 bytes. '' or the error's name. */
  udpSend(fd: number, bytes: Uint8Array, address: Uint8Array, port: number): ErrnoName | '';
  udpState(fd: number): UdpState;

  /** From now on every flow has one queue of the device, by `flowNumber` (base/steering.ts). '' or the error's name. */
  tunSteer(fd: number): ErrnoName | '';
  /** From now on other kinds than data reach the socket of this port that was bound first; data any, by its outer addresses and ports. '' or the error's name. */
  udpSteer(fd: number): ErrnoName | '';
  /** A number by which another thread wakes this one: it becomes readable. */
  wakeOpen(): number | ErrnoName;
  wake(fd: number): void;
  /** Unreadable again until the next wake. */
  wakeTake(fd: number): void;

  /** A socket that becomes readable when links, addresses or routes of this machine change. */
  netlinkOpen(): number | ErrnoName;
  /** Reads what waits there: bits of NETWORK_CHANGE, or a negative errno. */
  netlinkDrain(fd: number): number;

  /** A number that is another one after each change of the nftables rules in this network namespace; or a negative errno. */
  nftGeneration(): number;

  /** Gives free pages of the C heap back to the kernel, which takes milliseconds; does nothing where the C library has no such call. */
  giveBackMemory(): void;

  /** One datagram to a local socket by its path, as NOTIFY_SOCKET names it. '' or the error's name. */
  noticeSend(path: Uint8Array, text: Uint8Array): ErrnoName | '';

  /** A raw socket of this IP version, for ICMP of datagrams that were too large for a router. */
  icmpOpen(family: 4 | 6): number | ErrnoName;
  /** One message, of IPv4 with its IP header: its length, 0 when none waits, or a negative errno. */
  icmpRead(fd: number, bytes: Uint8Array): number;

  /** Calls back whenever the descriptor is readable, with '' or an error's name. What the callback throws becomes an uncaught exception. */
  pollStart(fd: number, callback: (error: ErrnoName | '') => void): PollHandle | ErrnoName;
  pollStop(handle: PollHandle): void;
  close(fd: number): void;
}

/** What `netlinkDrain` read. `lost`: more than the kernel's buffer held. */
export const NETWORK_CHANGE = { links: 1, addresses: 2, routes: 4, lost: 8 } as const;

/** The packet path of a relay (base/relay-primitives.ts). */
export interface RelayIo {
  /** `RelayWalk`, with the parts of the table one by one. */
  relayWalk(
    slots: Int32Array,
    ends: Int32Array,
    heardAt: Float64Array,
    shares: Float64Array,
    numbers: Float64Array,
    arena: Uint8Array,
    messages: Int32Array,
    count: number,
    runs: Int32Array,
    cursor: Int32Array,
  ): number;
  /**
   * Sends runs to their ends, and uses up the rows. Runs to one end go in one send where that changes no order between them.
   * Returns the number of datagrams that the kernel did not take, or a negative errno.
   */
  udpSendRuns(fd: number, arena: Uint8Array, runs: Int32Array, count: number, ends: Int32Array): number;
}

/** Bytes that `udpReceiveBatch` needs of the arena per message: 64 KB, and a shift so that messages do not share cache sets. */
export const UDP_MESSAGE_STRIDE = 65_664;
/** `udpReceiveBatch` fills no more rows after that many bytes, although more may wait. */
export const UDP_BATCH_BYTES = 262_144;
/** Smallest arena for `tunReadBatch`: one largest packet with its virtio-net header. */
export const TUN_ARENA_MIN = 65_568;

/** Handshake primitives; results go into `out`. False: wrong lengths, a small-order key, or an authentication that failed. */
export interface HandshakePrimitives {
  x25519PublicKey(secretKey: Uint8Array, out: Uint8Array): boolean;
  ed25519PublicKey(seed: Uint8Array, out: Uint8Array): boolean;
  x25519Agree(secretKey: Uint8Array, publicKey: Uint8Array, out: Uint8Array): boolean;
  ed25519Sign(seed: Uint8Array, message: Uint8Array, out: Uint8Array): boolean;
  /** As libcrypto verifies; the caller has refused what is not canonical. */
  ed25519Verify(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean;
  sha256(data: Uint8Array, out: Uint8Array): boolean;
  hmacSha256(key: Uint8Array, data: Uint8Array, out: Uint8Array): boolean;
  /** RFC 5869 with a PRK of 32 bytes; `out` decides how much, at most 255 * 32 bytes. */
  hkdfExpand(prk: Uint8Array, info: Uint8Array, out: Uint8Array): boolean;
  /** out: plaintext length + 16 */
  chachaSeal(key: Uint8Array, nonce: Uint8Array, aad: Uint8Array, plaintext: Uint8Array, out: Uint8Array): boolean;
  /** out: ciphertext length − 16 */
  chachaOpen(key: Uint8Array, nonce: Uint8Array, aad: Uint8Array, ciphertext: Uint8Array, out: Uint8Array): boolean;
}

export type Addon = PacketPrimitives & DeviceIo & RelayIo & HandshakePrimitives;

const DEFAULT_PATH = '../../build/gscip.node';

/** Loads the addon from its build folder (or `path`). Where it cannot be loaded: the reason as text, so that the caller may take the TypeScript twin. */
export function loadAddon(path: string = DEFAULT_PATH): Addon | string {
  try {
    return createRequire(import.meta.url)(path) as Addon;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** Set to any value, it keeps the addon out: for trying the fallback. */
const WITHOUT_ADDON = 'GSCIP_WITHOUT_ADDON';

/** The addon of this process; or why it goes without, as text. */
export function usedAddon(): Addon | string {
  return process.env[WITHOUT_ADDON] === undefined ? loadAddon() : `${WITHOUT_ADDON} is set`;
}
