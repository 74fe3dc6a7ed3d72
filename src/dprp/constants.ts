/**
 * Values that both ends rely on, or that a security bound rests on (protocol.md 15, marked S).
 * A change of any of them is a new protocol version; the project's own tuning is in tuning.ts, the life of an SA in
 * pccom/sa-timers.ts.
 */

/** Version byte of every DPRP header: `gscip1`. */
export const PROTOCOL_VERSION = 1;

/** Noise name that opens the transcript (protocol.md 2.4). */
export const PATTERN_NAME = 'GSCIP-DPRP1_25519_ChaChaPoly_SHA256';

/** Domain separation: every byte string that is hashed, signed or expanded starts with one of these (protocol.md 2.2–2.4). */
export const LABEL = {
  transcript: 'gscip1 dprp',
  group: 'gscip1 grp',
  slot: 'dde',
  ddeBox: 'gscip1 dde',
  cookie: 'gscip1 cookie',
  stale: 'gscip1 stale',
  nogroup: 'gscip1 nogroup',
  hopKey: 'gscip1 hop',
  hopRecord: 'gscip1 hop rec',
  hopAction: 'gscip1 hop act',
  hopConfirmation: 'gscip1 hop cnf',
} as const;

/** Bytes of each message without on-path elements (protocol.md 2.2). */
export const SIZE = {
  header: 12,
  dde: 284,
  rgi: 448,
  mpit: 460,
  cdn: 76,
  cookie: 68,
  stale: 64,
  nogroup: 56,
  noEntryHop: 12,
  /** largest DPRP packet */
  packet: 1_232,
} as const;

/** Bytes of cred: CA part and key part without x_pk (protocol.md 1.3). */
export const CRED_BYTES = 268;
/** Bytes of a CA part (protocol.md 1.3). */
export const CA_PART_BYTES = 200;
/** Bytes of a Poly1305 tag. */
export const TAG_BYTES = 16;

/** Most elements on the path between the ends (protocol.md 2.3). */
export const MAX_HOPS = 4;
/** Groups listed in one DDE, each with two tags (protocol.md 3.5). */
export const LISTED_GROUPS = 8;
/** Tag slots of one DDE. */
export const SLOTS = 16;
/** Bytes of one tag slot. */
export const SLOT_BYTES = 8;
/** Groups that R tries against one DDE (protocol.md 2.5). */
export const TRIED_GROUPS = 64;
/** Old keys K_dde(D) and K_stale(D) that are kept; the version stands modulo this in a DDE (protocol.md 2.5). */
export const DOMAIN_KEYS = 8;

/** RGI answers to one DDE on one path, and on all (protocol.md 2.5). */
export const ANSWERS_PER_PATH = 4;
export const ANSWERS_PER_DDE = 12;
/** Life of a half-open handshake (protocol.md 2.5). */
export const HALF_OPEN_MS = 20_000;
/** How long CDN bytes and hop records are repeated (protocol.md 2.3, 2.5). */
export const REPEAT_MS = 20_000;

/** Longest chain of rekeys under a retired version, `retain=flow` (protocol.md 10.2). */
export const RETAIN_CHAIN_MS = 24 * 3_600_000;

/** Hints cause at most one fetch per group in this time (protocol.md 3.6). */
export const HINT_FETCH_MS = 5_000;
/** NOENTRY: one per CID in this time, and so many per SA and second (protocol.md 5.3). */
export const NOENTRY_PER_CID_MS = 100;
export const NOENTRY_PER_SA = 100;
/** Most bytes of a signed REMOVE that is handed on (protocol.md 1.2). */
export const SIGNED_REMOVE_BYTES = 1_100;

/** Reasons that STALE names (protocol.md 1.2). */
export const STALE_REASON = { old: 0, domain: 1, behind: 2 } as const;
export type StaleReason = keyof typeof STALE_REASON;
/** Slot number in STALE that means the domain group. */
export const DOMAIN_SLOT = 0xff;
/** `old_slot` of RGI when no further slot is old. */
export const NO_SLOT = 0xff;

/** Reason that NOGROUP names (protocol.md 8.1). */
export const NOGROUP_REASON = { noCommonGroup: 0 } as const;

/** Outcome that CDN names. */
export const CDN_STATUS = { accepted: 0, refused: 1, full: 2 } as const;
export type CdnStatus = keyof typeof CDN_STATUS;

/** Side of an element: its protected network holds the source, the destination, neither or both (protocol.md 20.1). */
export const SIDE = { n: 0, s: 1, d: 2, b: 3 } as const;
export type SideName = keyof typeof SIDE;

/** How a hop box names its signer: by CA part, or by node id (protocol.md 2.3). */
export const FORM = { value: 1, reference: 2 } as const;
export type FormName = keyof typeof FORM;

/** Direction byte of a hop key: one box per key (protocol.md 2.3). */
export const HOP_DIRECTION = { record: 1, action: 2, confirmation: 3 } as const;
