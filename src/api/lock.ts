/** What the kernel holds back for a node (protocol.md 8.2, 11.6). */
export interface LockStatus {
  /** closed: members only; guard: an open node's overlay addresses; open: should be closed, and is not; none: nothing */
  readonly state: 'closed' | 'guard' | 'open' | 'none';
  /** family and name of the nftables table */
  readonly table: string;
}

/** `gscip lock … --json` */
export interface LockAnswer {
  readonly schema: 1;
  /** what the rules in the kernel do now */
  readonly kernel: 'closed' | 'guard' | 'none';
  /** the node's mode as it was last known, by the file that is loaded at a start; null: no closed node */
  readonly file: string | null;
  readonly openedByHand: boolean;
  readonly table: string;
}

/** `gscip down --json` */
export interface DownAnswer {
  readonly schema: 1;
  readonly stopped: true;
  /** what the rules of the node do from now on: closed: nothing passes; open: it is a closed node, but they are not in force; none: no rules */
  readonly lock: 'closed' | 'open' | 'none';
  /** the node's folder, which `gscip lock` wants to know */
  readonly state: string;
}
