import type { Millis, NodeId, UnixSeconds } from '../../base/brands.ts';
import type { PathAddress } from '../../base/path-address.ts';
import type { Allowance } from '../../base/rate-table.ts';
import type { SignalSession } from '../../nat/signal-session.ts';
import type { DcSocket } from './dc-effects.ts';
import type { Registration } from './registration.ts';
import type { RelaySite } from './relay-sites.ts';

/** A node in a session with the coordinator. */
export interface SignalPeer {
  readonly node: NodeId;
  /** by which it addresses its messages */
  readonly index: number;
  readonly session: SignalSession;
  /** where its HELLO came from and its WELCOME went to: all that it says comes from there */
  readonly from: PathAddress;
  readonly socket: DcSocket;
  /** whom limits are counted for */
  readonly source: string;
  /** the time in its HELLO: the next one has a later one */
  readonly helloTime: number;
  readonly welcome: Uint8Array;
  /** when the first part of its credential ends */
  readonly ends: UnixSeconds;
  readonly ticket: number;
  readonly reflectKey: Uint8Array;
  readonly messages: Allowance;
  readonly requests: Allowance;
  readonly directions: Allowance;
  readonly reflections: Allowance;
  /** it spoke in the session, so it holds the keys and is where the WELCOME went */
  isProved: boolean;
  heardAt: Millis;
  registration: Registration | undefined;
  /** the relays that it was told of last */
  toldRelays: readonly RelaySite[] | undefined;
}
