import type { LockStatus } from './lock.ts';

/** What `gscip status --json` prints; these names are kept (more may follow). */
export interface StatusAnswer {
  readonly schema: 1;
  readonly node: {
    readonly name: string;
    readonly id: string;
    readonly type: string;
    readonly mode: string;
    readonly addresses: readonly string[];
    readonly network: string;
    readonly listen: string;
    readonly interface: string;
    readonly mtu: number;
    readonly uptimeSeconds: number;
  };
  readonly groups: readonly GroupStatus[];
  readonly peers: readonly PeerStatus[];
  readonly server: ServerStatus;
  readonly underlay: UnderlayStatus;
  readonly lock: LockStatus;
  readonly dataPath: DataPathStatus;
  readonly pit: { readonly entries: number; readonly capacity: number; readonly heldPackets: number };
  /** what a GEN forwards; null on other nodes */
  readonly gateway: GatewayStatus | null;
  readonly elements: ElementsStatus;
  readonly dns: DnsStatus;
  readonly health: readonly HealthLine[];
}

/** Elements in between: the GEN that this node is below, and on a GEN the elements that are below it. */
export interface ElementsStatus {
  /** `name` null: it is in no group of this node. `address`: where it carries this node's datagrams; `place`: where others reach both */
  readonly above: {
    readonly id: string;
    readonly name: string | null;
    readonly address: string;
    readonly place: readonly string[];
  } | null;
  readonly below: readonly { readonly id: string; readonly name: string | null; readonly address: string }[];
}

/** A GEN as the router of the networks behind it. */
export interface GatewayStatus {
  readonly subnets: readonly {
    readonly prefix: string;
    /** interfaces of the machine that lead to it */
    readonly inside: readonly string[];
  }[];
  /** interfaces that lead to everything else */
  readonly outside: readonly string[];
  /** terminals see the router as the sender of what comes from the overlay */
  readonly snat: boolean;
  /** who of these networks has flows, the one last heard first */
  readonly terminals: readonly { readonly address: string; readonly flows: number; readonly idleSeconds: number }[];
  /** packets forwarded from the overlay and to it; `blocked`: stopped by other tables of the machine */
  readonly packets: { readonly in: number; readonly out: number; readonly blocked: number };
  /** packets that were dropped, by counter */
  readonly dropped: Readonly<Record<string, number>>;
}

/** The server that gives this node its keys; url null where an authority's file does. */
export interface ServerStatus {
  readonly url: string | null;
  readonly lastContactSeconds: number | null;
  readonly connected: boolean;
  /** 'active', 'pending', 'expired', 'joining', 'removed' or 'unknown'; null without a server */
  readonly standing: string | null;
  /** how the node's secrets are kept on the disk */
  readonly atRest: 'systemd-creds' | 'file permissions only';
  /** how long the node may go on without a word from the server; null where there is no such bound */
  readonly leaseSeconds: number | null;
  /** how old each piece is that a restart without the server would go on with; null where there is none */
  readonly ages: {
    readonly certificateSeconds: number | null;
    readonly keysSeconds: number | null;
    readonly rostersSeconds: number | null;
    readonly endpointsSeconds: number | null;
  };
}

export interface GroupStatus {
  readonly name: string;
  readonly id: string;
  readonly version: number;
  readonly state: string;
  readonly managed: boolean;
  /** whoever administers server or authority knows the whole key */
  readonly readableByAdministrator: boolean;
  readonly next: number | null;
  /** every version whose key the node still has, newest first */
  readonly held: readonly HeldVersionStatus[];
  readonly members: number;
}

/** 'next' waits for its time, 'current' is in force, 'retired' serves what began under it (protocol.md 10.1) */
export interface HeldVersionStatus {
  readonly version: number;
  readonly state: 'next' | 'current' | 'retired';
}

export interface PeerStatus {
  readonly name: string;
  readonly id: string;
  readonly type: string;
  readonly mode: string;
  readonly addresses: readonly string[];
  readonly path: {
    /** 'gateway': through the GEN that this node is below */
    readonly kind: 'direct' | 'gateway' | 'relay' | 'none';
    readonly endpoint: string | null;
    /** a code of PATH_REASONS, and its sentence */
    readonly reason: string;
    readonly text: string;
  };
  /** largest inner packet that is sent there, in bytes; measured once something large was sent */
  readonly mtu: { readonly inner: number; readonly measured: boolean };
  readonly sas: readonly SaStatus[];
  readonly rxBytes: number;
  readonly txBytes: number;
  readonly rxBitsPerSecond: number;
  readonly txBitsPerSecond: number;
  readonly lastHandshakeSeconds: number | null;
}

export interface SaStatus {
  readonly group: string;
  readonly version: number;
  readonly ageSeconds: number;
  readonly role: string;
  readonly suite: string;
  readonly sending: boolean;
}

/** Members by name on this machine. */
export interface DnsStatus {
  /** by what the machine's programs learn the names; none: they have to ask `server` themselves; off: `--no-dns` */
  readonly mode: 'resolved' | 'resolvconf' | 'hosts' | 'none' | 'off';
  /** what whole names end in */
  readonly domain: string;
  /** how many there are, this node's own included */
  readonly names: number;
  /** where this node answers questions about them, address and port; null where it does not */
  readonly server: string | null;
  /** members that have no host name */
  readonly unnamed: readonly { readonly name: string; readonly why: 'no-label' | 'reserved' | 'twice' }[];
}

/** How the node learns of the network around it. */
export interface UnderlayStatus {
  /** what tells it that addresses or routes changed; null while it waits for its server */
  readonly changesBy: 'netlink' | 'ip monitor' | 'polling' | null;
  /** an outer address that the router maps to this node's port, and the protocol that it was asked by */
  readonly portMapping: { readonly external: string; readonly by: 'pcp' | 'nat-pmp' | 'upnp' } | null;
}

/** Which implementation moves packets and what it could not have. */
export interface DataPathStatus {
  readonly primitives: 'addon' | 'typescript';
  readonly tun: { readonly vnetHeader: boolean; readonly tso: boolean; readonly uso: boolean };
  readonly udp: { readonly gso: boolean; readonly gro: boolean };
  /** threads that move packets; 1 is one loop for all */
  readonly workers: number;
  readonly fallbacks: readonly string[];
}

/** A line at the end of `status`: a stable code and a sentence with the remedy. */
export interface HealthLine {
  readonly code: string;
  readonly text: string;
}
