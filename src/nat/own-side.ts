import type { NatKind } from './nat-kind.ts';
import type { OwnPlace } from './outer-address.ts';

/** What this node knows of itself; read at each use. */
export interface OwnSide {
  readonly place: OwnPlace;
  readonly nat: NatKind;
  readonly udpBlocked: boolean;
  /** milliseconds between two datagrams on an idle path (keep-alive-search.ts) */
  readonly keepAlive: number;
}
