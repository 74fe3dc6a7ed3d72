import type { Lab } from '../../src/cli/lab/lab.ts';
import type { LabProcess } from '../../src/cli/lab/lab-process.ts';
import type { Namespace } from '../../src/cli/lab/namespace.ts';
import { until } from '../../src/cli/lab/until.ts';

/** Where a tunnel is built: two machines on one wire. */
export interface Bed {
  readonly lab: Lab;
  readonly a: Namespace;
  readonly b: Namespace;
  /** underlay addresses */
  readonly aAddress: string;
  readonly bAddress: string;
  readonly mtu: number;
}

/** A tunnel that is up, or about to be. */
export interface Tunnel {
  /** the address by which a reaches b through it */
  readonly address: string;
  /** its processes at both ends: what they use is what the tunnel costs */
  readonly aProcess?: LabProcess;
  readonly bProcess?: LabProcess;
  /** what it needs beside, and what does not count as its cost */
  readonly others?: readonly LabProcess[];
}

/** Something that carries packets between two machines, to be measured beside the others. */
export interface Peer {
  readonly name: string;
  /** what is measured, with version, for the reader of the table */
  version(): string;
  /** what has to be installed before it can be measured; undefined when nothing is missing */
  missing(): string | undefined;
  /** makes keys and files; not part of the measured start */
  prepare(bed: Bed): Promise<void>;
  start(bed: Bed): Promise<Tunnel>;
  /** takes away what its processes may have left outside the lab, once they have ended */
  cleanUp?(): void;
}

/** Overlay addresses of the peers that are given some. */
export const INSIDE = { a: '10.77.0.1', b: '10.77.0.2' } as const;

/** Waits for a TUN device at both ends, then gives it its address and MTU. */
export async function configureDevices(bed: Bed, aDevice: string, bDevice: string): Promise<void> {
  const ends = [
    { namespace: bed.a, device: aDevice, address: INSIDE.a },
    { namespace: bed.b, device: bDevice, address: INSIDE.b },
  ];
  for (const { namespace, device, address } of ends) {
    await until(`${device} in ${namespace.label}`, () => namespace.hasDevice(device));
    namespace.addresses(device, [`${address}/24`]);
    namespace.ip('link', 'set', device, 'mtu', String(bed.mtu), 'up');
  }
}

/** Ends a tunnel and waits until its devices are gone. */
export async function stopTunnel(tunnel: Tunnel): Promise<void> {
  const others = tunnel.others ?? [];
  await Promise.all([tunnel.aProcess, tunnel.bProcess, ...others].map((each) => each?.stop()));
}
