import type { Hello, Holding } from '../../api/channel/node-message.ts';
import type { Millis, UnixSeconds } from '../../base/brands.ts';
import type { PathAddress } from '../../base/path-address.ts';
import { Allowance } from '../../base/rate-table.ts';
import type { NodeRow } from '../network/state.ts';
import type { ServerChannel } from './channel.ts';
import type { ChannelId, Moment } from './hub-effects.ts';

/** One connection, whoever is behind it. */
export interface Connection {
  readonly id: ChannelId;
  readonly channel: ServerChannel;
  /** whom limits are counted for */
  readonly source: string;
  /** 4 or 16 bytes: where the other end is seen, if that says anything */
  readonly address: Uint8Array | undefined;
  /** when it is a node's that has proved who it is */
  session: Session | undefined;
}

/** A node that has proved who it is, and how far it is with what it has. */
export interface Session {
  readonly connection: Connection;
  readonly since: UnixSeconds;
  readonly alwaysOn: boolean;
  readonly release: string;
  /** Its certificate is out of its time: only `renew` is heard. */
  readonly isExpired: boolean;
  /** as it was when this session looked last */
  row: NodeRow;
  /** what it has when it has taken everything that was sent */
  have: Holding;
  /** number of the newest bundle that it says it took */
  acknowledged: number;
  /** updates sent and not yet acknowledged */
  underWay: number;
  /** There is news that waits for an acknowledgement. */
  blocked: boolean;
  /** It asked, so it is told also that there is nothing new. */
  asked: boolean;
  /** The next update renews the leases. */
  lease: boolean;
  /** where peers are told that it is */
  endpoints: readonly PathAddress[];
  /** newest change of the directory that it was told of */
  cursor: number;
  heardAt: UnixSeconds;
  /** when it was given everything */
  wholeAt: Millis | undefined;
  /** messages that it may send; who sends more has no reason to */
  readonly messages: Allowance;
}

/** Messages that a node may send. */
const MESSAGES = { burst: 100, perSecond: 5 };

/** A session that begins: it has what it says; what it asks for at its start renews its leases. */
export function newSession(
  connection: Connection,
  row: NodeRow,
  hello: Hello,
  isExpired: boolean,
  { now, time }: Moment,
): Session {
  const { have, alwaysOn, release } = hello;
  return {
    ...{ connection, row, have, alwaysOn, release, isExpired },
    since: time,
    acknowledged: have.number,
    underWay: 0,
    blocked: false,
    asked: false,
    lease: hello.fetch === 'start',
    endpoints: [],
    cursor: 0,
    heardAt: time,
    wholeAt: undefined,
    messages: new Allowance(MESSAGES, now),
  };
}

/** Whether the session is about keys at all: not while the node waits for an administrator or has to renew. */
export function isServed(session: Session): boolean {
  return !session.isExpired && session.row.standing === 'active';
}
