import type { SessionStanding } from '../../api/channel/server-message.ts';
import type { UnixSeconds } from '../../base/brands.ts';

/** What enrolment brought, and renewals changed: by it the node knows its server again (protocol.md 11). */
export interface Enrolment {
  readonly network: string;
  readonly name: string;
  /** Ed25519 keys that are pinned */
  readonly ca: Uint8Array;
  readonly admin: Uint8Array;
  /** X25519 key of the group management server, by the CA's certificate */
  readonly gmsKey: Uint8Array;
  /** 200 bytes, the newest; its own beginning is a day before it was issued */
  readonly caPart: Uint8Array;
  /** when that one came, by the server's clock */
  readonly caPartAt: UnixSeconds;
}

/** What is shown of the connection to the server. */
export interface LinkStatus {
  /** the address that is tried, or was the last to work */
  readonly address: string;
  readonly connected: boolean;
  /** by the server's clock; undefined: never */
  readonly lastContact: UnixSeconds | undefined;
  readonly standing: SessionStanding | 'joining' | 'removed' | 'unknown';
  /** seconds that the machine's clock is ahead of the server's, as far as it is known */
  readonly clockAhead: number | undefined;
  /** why the last attempt failed; undefined when it did not */
  readonly trouble: LinkTrouble | undefined;
}

export interface LinkTrouble {
  readonly code: string;
  readonly text: string;
}
