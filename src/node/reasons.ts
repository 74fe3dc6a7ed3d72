/** Why a PIT entry is as it is; the number stands in the entry, the name is shown and stable. */
export const REASONS = [
  '',
  /** this node asked by DPRP and the peer confirmed */
  'negotiated',
  /** the peer asked by DPRP */
  'negotiated-by-peer',
  /** opened inside a live SA by this node */
  'opened-in-sa',
  /** opened inside a live SA by the peer */
  'opened-in-sa-by-peer',
  'no-common-group',
  'no-member-there',
  'no-path',
  'timeout',
  'stale-key',
  'peer-behind',
  'domain-stale',
  'lease-expired',
  'refused',
  'removed',
  'dropped',
  'no-free-index',
  'policy',
  'no-group-covers',
] as const;
export type Reason = (typeof REASONS)[number];

const NAMES: ReadonlySet<string> = new Set(REASONS);

export function isReason(name: string): name is Reason {
  return NAMES.has(name);
}

export function reasonNumber(reason: Reason): number {
  return REASONS.indexOf(reason);
}

export function reasonName(number: number): Reason {
  return REASONS[number] ?? '';
}
