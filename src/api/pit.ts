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
}

export interface PitListAnswer {
  readonly schema: 1;
  readonly entries: readonly PitEntryAnswer[];
  readonly total: number;
}

export interface PitFlushAnswer {
  readonly schema: 1;
  readonly entries: number;
  readonly sas: number;
}

/** One line of `gscip pit watch --json`. */
export interface PitEventAnswer {
  readonly schema: 1;
  readonly at: string;
  readonly event: 'created' | 'confirmed' | 'closed';
  readonly cause: string;
  readonly entry: PitEntryAnswer;
}
