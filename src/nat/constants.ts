/**
 * Values of the paths that both ends rely on, or that a security bound rests on (protocol.md 15, marked S).
 * The project's own tuning is in tuning.ts.
 */

/** First bytes of the direction coordinator's, path and relay messages, 31 to 3f (protocol.md 1.2). */
export const NAT_KIND = {
  hello: 0x31,
  welcome: 0x32,
  signal: 0x33,
  reflect: 0x34,
  reflected: 0x35,
  helloCookie: 0x36,
  provedHello: 0x37,
  tunnelRequest: 0x38,
  tunnelResponse: 0x39,
  bind: 0x3c,
  bindChallenge: 0x3d,
  bindAck: 0x3e,
} as const;

/** Version byte of every message of this folder. */
export const NAT_VERSION = 1;

/** Domain separation: everything that is MACed or expanded here starts with one of these (protocol.md 6.1, 7). */
export const NAT_LABEL = {
  request: 'gscip1 tunnel request',
  response: 'gscip1 tunnel response',
  reflect: 'gscip1 reflect',
  reflected: 'gscip1 reflected',
  bind: 'gscip1 bind',
  bindAck: 'gscip1 bind ack',
  signal: 'gscip1 signal',
  helloCookie: 'gscip1 hello cookie',
  element: 'gscip1 element',
  elementPsk: 'gscip1 element psk',
  certificate: 'gscip1 element cert',
} as const;

/** Bytes of each fixed message (protocol.md 6.1, 6.6, 7). */
export const NAT_SIZE = {
  tunnel: 94,
  hello: 380,
  helloCookie: 24,
  reflect: 56,
  bind: 96,
  bindChallenge: 32,
  bindAck: 83,
  frame: 8,
} as const;

/** Life of a TempKey (protocol.md 6.1). */
export const TEMP_KEY_MS = 30_000;
/** Datagrams to an address that never answered (protocol.md 6.1). */
export const SILENT_DATAGRAMS = 5;
/** Candidates of one node (protocol.md 6.1). */
export const CANDIDATES_MAX = 8;
/** Distinct public addresses of one node that the DC has not seen as reflexive (protocol.md 6.1). */
export const UNSEEN_PUBLIC_MAX = 2;
/** Probes each second to one address, over all peers (protocol.md 6.1). */
export const PROBES_PER_SECOND = 20;
/** To an address that is not proved yet go at most so many times the bytes that came from it (protocol.md 6.2). */
export const UNPROVED_FACTOR = 3;
/** A path that was silent for longer may be left without waiting for it (protocol.md 6.2). */
export const OLD_PATH_SILENT_MS = 1_000;
/** A path that answers within so many round trips keeps the traffic (protocol.md 6.2). */
export const OLD_PATH_RTTS = 3;

/** Inner MTU that every path must carry (protocol.md 6.5). */
export const INNER_MTU_FLOOR = 1_280;
/** Bytes around an inner packet: IP, UDP, data header and tag (protocol.md 6.5). */
export const OVERHEAD = { 4: 60, 6: 80, frame: 8 } as const;
/** An ICMP too-big is believed about a datagram sent less than this ago (protocol.md 6.5). */
export const TOO_BIG_AGE_MS = 10_000;
