import type { Namespace } from '../../src/cli/lab/namespace.ts';
import type { OverlayNode } from '../../src/cli/lab/overlay.ts';
import { numberAt } from '../tools/json-path.ts';

/** One end of the wire. */
export interface End {
  readonly namespace: Namespace;
  readonly node: OverlayNode;
}

/** What a node counts of datagrams that it opened or refused. */
const TAKEN = [
  ...['opened', 'short', 'bad-flags', 'unknown-index', 'no-key', 'replayed', 'too-old', 'auth-failed'],
  ...['bad-inner-header', 'bad-inner-checksum'],
];
/** Every datagram that it lost itself. */
const UNSENT = ['send-failed', 'send-would-block'];
/** Most datagrams that the kernel drops, and counts, as one. */
export const IN_ONE = 128;

/** All that was counted on the way from one end to the other, up to now. */
export interface Page {
  readonly sealed: number;
  readonly taken: number;
  readonly unsent: number;
  /** by sockets and devices of the kernel, each of 1 to IN_ONE datagrams */
  readonly kernel: number;
  /** packets of this side that its TUN device had no room for, and that the other side's did not take */
  readonly tun: number;
}

/** What the counters say of the way from `from` to `to`; both are quiet. */
export async function readPage(from: End, to: End): Promise<Page> {
  const [own, theirs] = [await from.node.metrics(), await to.node.metrics()];
  const sum = (of: ReadonlyMap<string, number>, names: readonly string[]) =>
    names.reduce((total, name) => total + (of.get(`gscip_packets_total{event="${name}"}`) ?? 0), 0);
  return {
    sealed: sum(own, ['sealed']),
    taken: sum(theirs, TAKEN),
    unsent: sum(own, UNSENT),
    kernel: socketDrops(to.namespace) + drops(from.namespace, 'dev', 'eth0') + drops(to.namespace, 'dev', 'eth0'),
    tun: drops(from.namespace, 'type', 'tun') + sum(theirs, ['tun-write-failed']),
  };
}

export function between(before: Page, after: Page): Page {
  return {
    sealed: after.sealed - before.sealed,
    taken: after.taken - before.taken,
    unsent: after.unsent - before.unsent,
    kernel: after.kernel - before.kernel,
    tun: after.tun - before.tun,
  };
}

/** Datagrams for which no counter stands: more were lost than drops can explain, or fewer than there were drops. */
export function unexplained({ sealed, taken, unsent, kernel }: Page): number {
  const lost = sealed - taken - unsent;
  if (lost < 0) return lost;
  return Math.max(0, lost - kernel * IN_ONE);
}

/** Datagrams that any UDP socket of a machine had no room for, of both IP versions. */
function socketDrops(machine: Namespace): number {
  const four = machine.now('grep', ['^Udp:', '/proc/net/snmp']).split('\n');
  const at = (four[0] ?? '').split(' ').indexOf('RcvbufErrors');
  const six = /^Udp6RcvbufErrors\s+(\d+)/m.exec(machine.now('cat', ['/proc/net/snmp6']));
  return Number(four[1]?.split(' ')[at]) + Number(six?.[1] ?? 0);
}

/** Packets that devices of a machine dropped in either direction. */
function drops(machine: Namespace, ...which: readonly string[]): number {
  const devices: unknown = JSON.parse(machine.ip('-j', '-s', 'link', 'show', ...which));
  if (!Array.isArray(devices) || devices.length !== 1) throw new Error(`one device ${which.join(' ')}`);
  return numberAt(devices, 0, 'stats64', 'tx', 'dropped') + numberAt(devices, 0, 'stats64', 'rx', 'dropped');
}
