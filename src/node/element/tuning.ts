/** The project's own tuning of elements below a GEN (protocol.md 15, marked T). */
export const ELEMENT = {
  /** elements below one GEN, and handshakes with such that are open */
  sessions: 256,
  /** channels of one element */
  channels: 1_024,
  /** elements that one GEN below says are below it in turn */
  further: 256,
  /** a QUERY that is open, and its ANSWER */
  openMs: 20_000,
  /** an element that says nothing for so long is gone */
  silentMs: 30_000,
  /** KEEP, and how many of them without an answer end the session */
  keepMs: 5_000,
  keepTries: 3,
  /** QUERY and OPEN are repeated after this, doubled each time, so many times */
  retryMs: 250,
  tries: 4,
  /** gateways that did not answer are asked again after this, doubled each time up to the most */
  againMs: 60_000,
  againMost: 3_600_000,
  /** the same two where one of them proved to be a GEN before it fell silent: nothing goes out without it, where it is closed */
  lostMs: 5_000,
  lostMost: 20_000,
  /** there is no key of the domain yet */
  noKeyMs: 1_000,
  /** QUERYs that are answered, from one source and in all, each second */
  queriesPerSource: 2,
  queriesPerSecond: 50,
  /** who began a negotiation through this GEN is remembered so long */
  flightMs: 20_000,
  flights: 4_096,
  /** probes of paths, up and down, of one element each second (protocol.md 8.4) */
  probesPerSecond: 100,
  /** NOENTRY-HOP: to one source, and rekeys of one SA that it may cause (protocol.md 8.5) */
  noEntryPerSecond: 1,
  rekeyMs: 5_000,
  /** certificates of on-path elements and of the ends that are kept, and that are asked for */
  certificates: 4_096,
  /** what names a certificate that is not there waits for it so long */
  certificateMs: 2_000,
} as const;
