import type { Millis } from '../base/brands.ts';
import type { PathAddress } from '../base/path-address.ts';
import type { Suite } from '../base/primitives.ts';
import { evenly, RateTable } from '../base/rate-table.ts';
import type { Identity } from '../crypto/identity.ts';
import { AnswerBudget } from './answer-budget.ts';
import type { Dde } from './dde.ts';
import type { DdeBox } from './dde-box.ts';
import { type HalfOpenKey, HalfOpenTable } from './half-open.ts';
import type { Handshake } from './handshake.ts';
import { LoadGuard } from './load-guard.ts';
import type { NegotiationContext } from './negotiation-context.ts';
import type { DomainVersion } from './negotiation-deps.ts';
import type { SlotMatch } from './slot-match.ts';
import { NOGROUP_PER_SECOND, NOGROUP_PER_SOURCE } from './tuning.ts';

/** A DDE whose box opened and which is addressed to this node. */
export interface OpenedDde {
  readonly bytes: Uint8Array;
  readonly dde: Dde;
  readonly box: DdeBox;
  readonly domain: DomainVersion;
  /** H(DDE) in hex */
  readonly name: string;
  /** (H(DDE), hops) (protocol.md 2.5) */
  readonly key: string;
  readonly from: PathAddress;
  readonly since: Millis;
}

/** RGI is out; waits for its MPIT. */
export interface Offered extends HalfOpenKey {
  readonly opened: OpenedDde;
  readonly match: SlotMatch;
  readonly suite: Suite;
  readonly lanes: number;
  readonly identity: Identity;
  readonly handshake: Handshake;
  readonly ephemeral: Uint8Array;
  readonly rgi: Uint8Array;
}

/** Complete; its RGI and CDN bytes are repeated for 20 s and nothing is done again (H6). */
export interface Answered extends HalfOpenKey {
  readonly name: string;
  /** H(MPIT) in hex */
  readonly mpit: string;
  readonly rgi: Uint8Array;
  readonly cdn: Uint8Array;
}

/**
 * A DDE that newer keys of this node would answer otherwise (protocol.md 3.5). `waiting`: nothing was answered yet, as
 * long as a refresh may take; `answered`: it was answered as a node that is behind, and is answered anew with newer keys.
 */
export interface Held {
  readonly opened: OpenedDde;
  readonly until: Millis;
  readonly stage: 'waiting' | 'answered';
}

/** A DDE under a domain key that this node does not hold, as it came: unread, and nothing is done for it but to keep it. */
export interface Unreadable {
  readonly bytes: Uint8Array;
  readonly from: PathAddress;
  readonly until: Millis;
}

/** Everything that an end GE keeps between two datagrams. */
export interface EndState {
  readonly offered: HalfOpenTable<Offered>;
  readonly answered: HalfOpenTable<Answered>;
  readonly held: Map<string, Held>;
  readonly unreadable: Map<string, Unreadable>;
  readonly budget: AnswerBudget;
  readonly guard: LoadGuard;
  readonly nogroupPerSource: RateTable<string>;
  readonly nogroupInAll: RateTable<string>;
}

/** Most DDEs that wait for a refresh at once. */
export const HELD_MAX = 256;
const NOGROUP_SOURCES = 1_024;

export function endState({ deps, provider }: NegotiationContext): EndState {
  return {
    offered: new HalfOpenTable(),
    answered: new HalfOpenTable(),
    held: new Map(),
    unreadable: new Map(),
    budget: new AnswerBudget(),
    guard: new LoadGuard(provider, (length) => deps.random(length)),
    nogroupPerSource: new RateTable(evenly(NOGROUP_PER_SOURCE), NOGROUP_SOURCES),
    nogroupInAll: new RateTable(evenly(NOGROUP_PER_SECOND), 1),
  };
}

/** Gives back what an unfinished handshake took. */
export function forget({ deps }: NegotiationContext, offered: Offered): void {
  offered.handshake.wipe();
  deps.freeIndex(offered.index);
}
