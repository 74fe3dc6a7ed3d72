import type { ServerStatus } from '../../api/admin/operations.ts';
import type { NodeId } from '../../base/brands.ts';
import type { PathAddress } from '../../base/path-address.ts';
import type { Tools } from '../network/tools.ts';
import type { Store } from '../store/store.ts';

/** What the routes act upon. */
export interface Desk {
  readonly store: Store;
  readonly tools: () => Tools;
  readonly isConnected: (node: NodeId) => boolean;
  /** where a relay that runs apart is reached; undefined when it is not connected here */
  readonly relayEndpoints: (relay: string) => readonly PathAddress[] | undefined;
  readonly facts: () => ServerFacts;
  /** where a backup goes that was asked for without a name */
  readonly nextBackup: () => string;
}

/** What the process knows of itself. */
export type ServerFacts = Pick<
  ServerStatus,
  'release' | 'roles' | 'url' | 'pin' | 'servers' | 'database' | 'uptimeSeconds' | 'health'
>;
