/** `gscip explain --json`; these names are kept. */
export interface ExplainAnswer {
  readonly schema: 1;
  readonly elements: readonly ExplainElement[];
  readonly result: string;
  readonly rule: string;
  readonly text: string;
}

export interface ExplainElement {
  readonly name: string;
  readonly type: string;
  readonly mode: string;
  readonly side: string;
  readonly action: string;
  readonly groups: readonly string[];
}

/** `gscip ping --json`; these names are kept. */
export interface PingAnswer {
  readonly schema: 1;
  readonly target: string;
  readonly address: string;
  readonly replies: readonly { readonly rttMs: number; readonly path: string }[];
  readonly sent: number;
  readonly lost: number;
}

/** One message of a negotiation, for `gscip debug trace` and the demonstration. */
export interface TraceAnswer {
  readonly schema: 1;
  readonly at: number;
  readonly message: string;
  readonly direction: 'in' | 'out';
  readonly peer: string;
}

/** `gscip key reload --json` */
export interface ReloadAnswer {
  readonly schema: 1;
  /** number of the bundle in use now */
  readonly bundleNumber: number;
  /** groups that came, went, or have another key or other members */
  readonly changes: number;
}
