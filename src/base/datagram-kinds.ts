/** First byte of a UDP payload (protocol.md 1.2). */
export const DATAGRAM = {
  dde: 0x01,
  rgi: 0x02,
  mpit: 0x03,
  cdn: 0x04,
  cookie: 0x05,
  stale: 0x06,
  nogroup: 0x07,
  noEntryHop: 0x08,
  data: 0x10,
  frame: 0x20,
  elementQuery: 0x30,
} as const;

/** First byte inside an SA after opening; an IP packet starts with 0x4_ or 0x6_ (protocol.md 1.2). */
export const RECORD = {
  mpit: 0x03,
  cdn: 0x04,
  noEntry: 0x07,
  closeEntry: 0x08,
  pathChallenge: 0x09,
  pathResponse: 0x0a,
  closeSa: 0x0b,
  signedRemove: 0x0c,
} as const;

export const NODE_TYPE = { ges: 1, gen: 2, gea: 3, gms: 4, rs: 5 } as const;

export const MODE = { op: 0, cl: 1 } as const;
export type ModeName = keyof typeof MODE;

/** Actions that MPIT carries (protocol.md 1.2). */
export const ACTION = { encrypt: 1, relay: 2, discard: 3, terminate: 4 } as const;
export type ActionName = keyof typeof ACTION;
