/** What the agent knows of the network that it is in: its answer to `netcheck` on the control socket. */
export interface NetcheckFacts {
  readonly schema: 1;
  /** everything that was asked was answered or given up */
  readonly complete: boolean;
  /** `blocked`: coordinators were asked and none answered by UDP */
  readonly udp: 'open' | 'blocked' | 'unknown';
  readonly port: number;
  /** address and port as others see them, by family; null where nobody said so */
  readonly outer4: string | null;
  readonly outer6: string | null;
  readonly nat: NatStatus;
  /** seconds between two datagrams that keep the NAT's mapping alive */
  readonly keepAliveSeconds: number;
  /** what routers on the way mapped to this node's port */
  readonly mapped: readonly string[];
  /** the protocol that mapped it: 'pcp', 'nat-pmp' or 'upnp' */
  readonly mappedBy: string | null;
  readonly coordinators: readonly CoordinatorStatus[];
  readonly relays: readonly RelayStatus[];
  readonly server: { readonly url: string | null; readonly connected: boolean };
  readonly interface: string;
}

/** RFC 4787: 'unknown', 'none', 'endpoint', 'address' or 'port' */
export interface NatStatus {
  readonly mapping: string;
  readonly filtering: string;
  readonly hairpin: boolean | null;
}

/** `by`: how it is spoken to; null while it does not answer */
export interface CoordinatorStatus {
  readonly address: string;
  readonly by: 'udp' | 'tcp' | null;
}

export interface RelayStatus {
  readonly address: string;
  /** null: it does not answer, or was not measured yet */
  readonly rttMs: number | null;
}

/** `gscip netcheck --json`; these names are kept. */
export interface NetcheckAnswer {
  readonly schema: 1;
  /** false: no agent runs, so much is unknown */
  readonly agent: boolean;
  readonly udp: NetcheckFacts['udp'];
  readonly ipv4: FamilyCheck;
  readonly ipv6: FamilyCheck;
  /** null without an agent */
  readonly nat: (NatStatus & { readonly kind: string }) | null;
  readonly keepAliveSeconds: number | null;
  readonly portMapping: { readonly external: string; readonly by: string | null } | null;
  readonly coordinators: NetcheckFacts['coordinators'];
  readonly relays: readonly RelayStatus[];
  readonly server: ServerCheck;
  readonly findings: readonly { readonly code: string; readonly text: string }[];
}

export interface FamilyCheck {
  /** of this machine, those that datagrams leave from first */
  readonly addresses: readonly string[];
  readonly gateway: string | null;
  readonly isRouted: boolean;
  readonly outer: string | null;
}

/** `stranger`: something answers there that is no server of GSCIP, as a captive portal does. */
export type DoorState = 'open' | 'silent' | 'stranger' | 'not-asked';

export interface ServerCheck {
  readonly url: string | null;
  readonly connected: boolean;
  readonly door: DoorState;
}
