import type { Reason } from './reasons.ts';

/** What a person reads of a reason, and what to do; the latter is empty where nothing is wrong. */
export interface ReasonText {
  readonly text: string;
  readonly remedy: string;
}

/** Every reason of a PIT entry in plain words (docs/guide/troubleshooting.md has the same by code). */
export const REASON_TEXTS: Readonly<Record<Reason, ReasonText>> = {
  '': { text: 'no reason is known', remedy: '' },
  negotiated: { text: 'agreed by DPRP, which this node began', remedy: '' },
  'negotiated-by-peer': { text: 'agreed by DPRP, which the peer began', remedy: '' },
  'opened-in-sa': { text: 'agreed inside a live SA by this node', remedy: '' },
  'opened-in-sa-by-peer': { text: 'agreed inside a live SA by the peer', remedy: '' },
  'no-common-group': {
    text: 'the peer shares no group with this node',
    remedy: 'on the server: gscip admin group admit GROUP NODE',
  },
  'no-member-there': {
    text: 'the destination belongs to no member that this node knows',
    remedy: 'is it joined, and in a group of this node? gscip admin node list, on the server',
  },
  'no-group-covers': {
    text: 'no group of this node has a member with that address',
    remedy: 'on the server: gscip admin group admit GROUP NODE',
  },
  'no-path': {
    text: 'the member is known, but not where it is',
    remedy: 'is it up? gscip status there; without a server name its endpoint: gscip up --peer NAME=ADDR:PORT',
  },
  timeout: {
    text: 'the peer did not answer for 15 s',
    remedy: 'is it up, and UDP not blocked on the way? gscip netcheck on both',
  },
  'stale-key': {
    text: "this node's group key is too old",
    remedy: 'it is fetched from the server; without a server: a newer bundle here, then gscip key reload',
  },
  'peer-behind': {
    text: "the peer's group key is too old",
    remedy: 'the peer fetches it from the server; without a server: a newer bundle there, then gscip key reload',
  },
  'domain-stale': {
    text: "this node's domain key is too old",
    remedy: 'it is fetched from the server; without a server: a newer bundle here, then gscip key reload',
  },
  'lease-expired': {
    text: 'the lease of the key has run out',
    remedy: 'let this node reach its server: gscip status says since when it does not',
  },
  refused: { text: 'the peer had no room for the flow', remedy: 'look at the flows there: gscip pit list' },
  removed: {
    text: 'one of the two is not in the group any more, or they know different members',
    remedy: 'gscip admin group list, on the server; without a server: newer bundles on both, then gscip key reload',
  },
  dropped: {
    text: 'the negotiation was ended by a flush, a jump of the clock, or because its SA went',
    remedy: 'the next packet begins a new one',
  },
  'no-free-index': { text: 'all 65,535 SA slots are in use', remedy: 'gscip pit flush --sas' },
  policy: { text: 'the decision table says discard', remedy: 'see the rule above' },
};
