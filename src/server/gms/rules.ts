import type { Holding } from '../../api/channel/node-message.ts';
import type { NodeId } from '../../base/brands.ts';
import type { Draft, View } from '../network/draft.ts';
import type { NodeRow } from '../network/state.ts';
import type { Tools } from '../network/tools.ts';

/*
 * What the hub asks of the network's rules. Commands take a draft, change it, and throw GscipError to refuse; questions take
 * a view and change nothing.
 */
export interface HubRules {
  /**
   * Takes a node by a token, once for each key. `proves` is the only look at the token's secret: it says whether the node
   * showed that it has it, and is asked before anything else about the token is told.
   */
  enrol(tools: Tools, draft: Draft, order: EnrolOrder): NodeRow;
  /** Issues a new certificate for a node and gives its 200 bytes. */
  renew(tools: Tools, draft: Draft, node: NodeId): Uint8Array;
  /** The node goes by its own wish. */
  leave(tools: Tools, draft: Draft, node: NodeId): void;
  /** Adds everybody who waits for a group to its roster, with one new version for each group. */
  admitWaiting(tools: Tools, draft: Draft): void;
  /** Makes scheduled versions whose time is near, and removes ephemeral nodes that were not heard of; those connected stay. */
  houseKeeping(tools: Tools, draft: Draft, connected: ReadonlySet<NodeId>): void;
  /** Notes that nodes were heard of now. */
  seen(tools: Tools, draft: Draft, nodes: readonly NodeId[]): void;

  /** Goes on above what a node has seen, with a new version of every group: the database is older than what nodes hold. */
  overtake(tools: Tools, draft: Draft, have: Holding): void;

  isSomebodyWaiting(tools: Tools, view: View): boolean;
  isHouseKeepingDue(tools: Tools, view: View, connected: ReadonlySet<NodeId>): boolean;
  /** Whether the node has seen a later state than this: then `overtake`, since nothing older would be taken by it. */
  isAhead(tools: Tools, view: View, node: NodeRow, have: Holding): boolean;
  /** The signed bundle of what the node lacks, or undefined when it has all. Number 0 in `have`: everything. */
  updateFor(tools: Tools, view: View, node: NodeRow, have: Holding): Update | undefined;
}

export interface EnrolOrder {
  readonly tokenId: string;
  readonly edPublic: Uint8Array;
  readonly name: string;
  readonly proves: (secret: Uint8Array) => boolean;
}

/** A bundle, and what the node has when it has taken it. */
export interface Update {
  readonly bundle: Uint8Array;
  readonly have: Holding;
}
