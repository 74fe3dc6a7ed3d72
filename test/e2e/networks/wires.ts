import { parseAddress } from '../../../src/base/ip-address.ts';
import type { Lab } from '../../../src/cli/lab/lab.ts';
import type { Namespace } from '../../../src/cli/lab/namespace.ts';
import { type CapturedPacket, capture } from '../../netns/capture.ts';
import { ipPackets, type SeenPacket } from '../seen-frames.ts';

/** Where all nodes listen. */
export const PORT = 47_247;

/** What was seen of one exchange on one link. Anything else is written out. */
export type LinkState = 'clear' | 'sealed' | 'none' | `odd: ${string}`;

/** How an exchange is known on a wire. */
export interface Exchange {
  /** the addresses that the two machines use, in clear */
  readonly between: readonly [string, string];
  /** bytes of the inner ICMP packets, of which no other exchange has packets */
  readonly pinged: number;
}

/** What passes from a moment on. */
export type Since = () => readonly CapturedPacket[];

/** A capture that runs. */
export interface Wire {
  /** Begins a look of its own, which others at the same time do not disturb. */
  look(): Since;
  /** From now on `since` leaves out what passed before. */
  skip(): void;
  readonly since: Since;
  /** from the beginning on */
  all(): readonly CapturedPacket[];
}

/** Captures a device until the lab ends. */
export async function tap(lab: Lab, where: Namespace, device: string): Promise<Wire> {
  const running = await capture(lab, where, device);
  const look = (): Since => {
    const seen = running.packets().length;
    return () => running.packets().slice(seen);
  };
  let since: Since = () => running.packets();
  return {
    look,
    skip: () => {
      since = look();
    },
    since: () => since(),
    all: () => running.packets(),
  };
}

const [UDP, TCP] = [17, 6];
/** ICMP echo and its answer, by protocol; errors about a packet are no part of the exchange */
const ECHO: Readonly<Record<number, readonly number[]>> = { 1: [8, 0], 58: [128, 129] };
const [DATA, FRAME] = [0x10, 0x20];
const FRAME_HEADER = 8;
export const DPRP = { dde: 1, rgi: 2, mpit: 3, cdn: 4, stale: 6, nogroup: 7 } as const;
/** header and tag of a data datagram (protocol.md 1.2) */
const SEAL = 32;
/** of the record that a flow's first packet may ride behind */
export const RIDING = 54;

/** What a link carried of an exchange: all of it in clear, all of it sealed, or nothing. */
export function linkState(captured: readonly CapturedPacket[], exchange: Exchange): LinkState {
  const packets = ipPackets(captured);
  const clear = new Set(packets.filter((each) => isBetween(each, exchange.between)).flatMap(protocolOf));
  const sealed = packets.some((each) => isSealed(each, exchange.pinged));
  if (clear.size === 0) return sealed ? 'sealed' : 'none';
  return clear.size === 3 && !sealed
    ? 'clear'
    : `odd: ${[...clear].sort().join(', ')}${sealed ? ' and sealed' : ''} in clear`;
}

function isBetween({ source, destination }: SeenPacket, [one, other]: Exchange['between']): boolean {
  const [a, b] = [hex(one), hex(other)];
  return (source === a && destination === b) || (source === b && destination === a);
}

function hex(address: string): string {
  return Buffer.from(parseAddress(address) ?? []).toString('hex');
}

function protocolOf({ protocol, above }: SeenPacket): string[] {
  if (protocol === TCP) return ['TCP'];
  const echo = ECHO[protocol];
  if (echo) return echo.includes(above[0] ?? -1) ? ['ICMP'] : [];
  return protocol === UDP && !isOwn(above) ? ['UDP'] : [];
}

/** A datagram of the overlay itself. */
function isOwn(udp: Buffer): boolean {
  return udp.length >= 8 && [udp.readUInt16BE(0), udp.readUInt16BE(2)].includes(PORT);
}

/** The kinds of DPRP messages that passed, in order (protocol.md 1.2). */
export function dprpKinds(captured: readonly CapturedPacket[]): number[] {
  const own = ipPackets(captured).filter(({ protocol, above }) => protocol === UDP && isOwn(above));
  return own.flatMap(({ above }) => {
    const payload = above.subarray(8);
    const [kind = 0] = payload[0] === FRAME ? payload.subarray(FRAME_HEADER) : payload;
    return kind >= DPRP.dde && kind <= DPRP.nogroup ? [kind] : [];
  });
}

function isSealed({ protocol, above }: SeenPacket, pinged: number): boolean {
  if (protocol !== UDP || !isOwn(above)) return false;
  const payload = above.subarray(8);
  const data = payload[0] === FRAME ? payload.subarray(FRAME_HEADER) : payload;
  return data[0] === DATA && [pinged + SEAL, pinged + SEAL + RIDING].includes(data.length);
}
