import type { NodeId } from '../base/brands.ts';
import type { PathClass, Refused } from './candidate-order.ts';
import type { PathReason } from './path-reason.ts';
import type { Route } from './path-route.ts';

/** The path of one peer, for `status`. */
export interface PathReport {
  readonly peer: NodeId;
  readonly route: Route | undefined;
  readonly class: PathClass | undefined;
  readonly reason: PathReason;
  /** milliseconds */
  readonly rtt: number | undefined;
  readonly trying: boolean;
  readonly refused: readonly Refused[];
}
