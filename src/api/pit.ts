/** One entry of `gscip pit list --json`; these names are kept. */
export interface PitEntryAnswer {
  readonly protocol: string;
  readonly source: string;
  readonly sourcePort: number;
  readonly destination: string;
  readonly destinationPort: number;
  readonly action: 'encrypt' | 'relay' | 'plain' | 'discard';
  readonly state: 'provisional' | 'confirmed';
  readonly group: string | null;
  readonly version: number | null;
  readonly peer: string | null;
  readonly packets: number;
  readonly bytes: number;
  readonly idleSeconds: number;
  readonly reason: string;
  /** the node that the address belongs to, itself or as the router before it; null for a stranger */
  readonly sourceNode: string | null;
  readonly destinationNode: string | null;
  /** as the flow's first packet went, and against it; `packets` and `bytes` are their sums */
  readonly forward: PitTraffic;
  readonly reverse: PitTraffic;
  readonly ageSeconds: number;
}

export interface PitTraffic {
  readonly packets: number;
  readonly bytes: number;
}

/** Ciphertext between two others that this node passes on: one pair of keys, whatever flows are inside. */
export interface RelayedAnswer {
  /** names where they are known here, else node ids */
  readonly start: string;
  readonly end: string;
  readonly startId: string;
  readonly endId: string;
  readonly action: 'relay' | 'discard';
  /** rule of the decision table that gave the action (protocol.md 20.2) */
  readonly rule: number;
  readonly packets: number;
  readonly bytes: number;
  readonly forward: PitTraffic;
  readonly reverse: PitTraffic;
  readonly ageSeconds: number;
  readonly idleSeconds: number;
}

export interface PitListAnswer {
  readonly schema: 1;
  readonly entries: readonly PitEntryAnswer[];
  /** what is passed on between others, on a GEN with elements below */
  readonly relayed: readonly RelayedAnswer[];
  readonly total: number;
}

export interface PitFlushAnswer {
  readonly schema: 1;
  readonly entries: number;
  readonly sas: number;
}

/** One line of `gscip pit watch --json`. */
export type PitEventAnswer = PitFlowEvent | PitRelayedEvent | PitGapEvent | PitEndEvent;

/** `open`: there already when the watch began. */
export interface PitFlowEvent {
  readonly schema: 1;
  /** ISO 8601 in UTC */
  readonly at: string;
  readonly event: 'open' | 'created' | 'confirmed' | 'closed';
  /** why it was closed, else empty */
  readonly cause: string;
  readonly entry: PitEntryAnswer;
}

/** The same of what is passed on between others. */
export interface PitRelayedEvent {
  readonly schema: 1;
  readonly at: string;
  readonly event: 'relay-open' | 'relay-created' | 'relay-closed';
  /** why it was closed, else empty */
  readonly cause: string;
  readonly relayed: RelayedAnswer;
}

/** The reader was too slow: so many events were not told. */
export interface PitGapEvent {
  readonly schema: 1;
  readonly at: string;
  readonly event: 'missed';
  readonly missed: number;
}

/** The agent ends the watch itself; without this line at the end it was cut off. */
export interface PitEndEvent {
  readonly schema: 1;
  readonly at: string;
  readonly event: 'end';
  readonly cause: 'agent-stopped';
}
