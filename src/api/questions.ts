import type { PitEntryAnswer, RelayedAnswer } from './pit.ts';
import type { PeerStatus } from './status.ts';

/** `gscip explain --json`; these names are kept. */
export interface ExplainAnswer {
  readonly schema: 1;
  readonly source: ExplainEnd;
  readonly destination: ExplainEnd;
  /** in the order of a packet from the source */
  readonly elements: readonly ExplainElement[];
  readonly result: string;
  /** code of what gave the result */
  readonly rule: string;
  /** rule of the decision table (protocol.md 20.2); 0: the elements make no path */
  readonly ruleNumber: number;
  readonly text: string;
  /** what to do so that they may talk, or talk encrypted; empty where nothing is to be done */
  readonly remedy: string;
  /** false where this node is neither end: it knows only groups that it is in itself, and no elements between */
  readonly certain: boolean;
  /** what is wrong whatever the table says, and what befell packets between the two that no flow shows */
  readonly notes: readonly ExplainNote[];
  /** what is in force now; null where this node is neither end, and passes nothing on between the two */
  readonly now: ExplainLive | null;
}

/** One end of the flow that was asked for. */
export interface ExplainEnd {
  readonly asked: string;
  /** who speaks for it; null for a stranger */
  readonly node: string | null;
  /** it is not the node itself, but in a network behind it */
  readonly behind: boolean;
  /** further nodes that were given the very same network: packets go to `node`, and are taken from each */
  readonly alsoGivenTo: readonly string[];
}

/** A counter of the node that concerns the two, and what it means for them. */
export interface ExplainNote {
  readonly counter: string;
  /** since the agent started, whoever was concerned */
  readonly total: number;
  /** of these two, among the newest 256 incidents; 0 where only the sum is known */
  readonly seen: number;
  /** since the last of those; null where there is none */
  readonly agoSeconds: number | null;
  readonly text: string;
  readonly remedy: string;
}

export interface ExplainLive {
  /** as in `status`; null where the other end is a stranger */
  readonly path: PeerStatus['path'] | null;
  /** entries of the PIT for such flows: 8 at most, among the first 16,384 */
  readonly flows: readonly PitEntryAnswer[];
  /** on a GEN that is neither end: what it passes on between the two */
  readonly relayed: readonly RelayedAnswer[];
  /** why such packets are dropped now */
  readonly blocked: { readonly reason: string; readonly text: string; readonly remedy: string } | null;
}

export interface ExplainElement {
  readonly name: string;
  readonly type: string;
  readonly mode: string;
  readonly side: string;
  readonly action: string;
  readonly groups: readonly string[];
  /** rule of the decision table that gave the action */
  readonly rule: number;
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

/** The newest lines of the agent's log, oldest first, for `gscip debug bundle`. */
export interface LogAnswer {
  readonly schema: 1;
  readonly lines: readonly string[];
}

/** `gscip key reload --json` */
export interface ReloadAnswer {
  readonly schema: 1;
  /** number of the bundle in use now */
  readonly bundleNumber: number;
  /** groups that came, went, or have another key or other members */
  readonly changes: number;
}

/** `gscip whois --json`; these names are kept. */
export interface WhoisAnswer {
  readonly schema: 1;
  readonly asked: string;
  /** its own name or overlay address, an address in a network behind it, or one of the network around that it is reached at */
  readonly kind: 'node' | 'behind' | 'outer';
  /** several behind one address of a router, where no port was given */
  readonly members: readonly WhoisMember[];
}

export interface WhoisMember {
  readonly name: string;
  readonly id: string;
  readonly type: string;
  readonly mode: string;
  readonly addresses: readonly string[];
  /** networks behind it */
  readonly routes: readonly string[];
  /** groups that it shares with this node, by name */
  readonly groups: readonly string[];
  /** as in `status`; null of this node itself */
  readonly path: PeerStatus['path'] | null;
}

/** Lines of the answer to `capture`: one inner packet each, at last why it is over. */
export type CaptureAnswer =
  | {
      readonly schema: 1;
      /** milliseconds since 1970 */
      readonly at: number;
      readonly direction: 'in' | 'out';
      /** of the packet; `bytes`, in base 64, may be fewer */
      readonly length: number;
      readonly bytes: string;
    }
  | { readonly schema: 1; readonly end: string; readonly missed: number };
