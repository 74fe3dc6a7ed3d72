/** The project's own tuning of what a node asks its coordinators: these may change without a new protocol version. */
export const REACH = {
  /** HELLOs to one endpoint, and messages that want an answer, before silence counts; each wait is longer by the first one */
  hellos: 3,
  repeats: 4,
  repeatMs: 200,
  /** the sending of such a message at which the coordinator is greeted as well, 0.6 s after the first */
  greetAt: 3,
  /** messages of a session that another one follows are read for so long */
  formerSessionMs: 2_000,
  /** between two rounds over all endpoints of a coordinator that is silent; after so many rounds (some minutes) the longer one */
  retryMs: 500,
  eagerRounds: 200,
  retryLongMs: 30_000,
  /** … and at most this long while somebody waits for it */
  hurryMs: 500,
  /** UDP that was silent for so long is helped by a tunnel over TCP */
  tunnelMs: 1_000,
  /** a coordinator that said nothing for so long is asked whether it is there, beside what it is asked */
  doubtMs: 1_000,
  /** while traffic flows the paths in use are looked at this often, and otherwise so often */
  activeMs: 100,
  idleMs: 500,
  /** traffic that was so recent is traffic that flows */
  recentMs: 2_000,
  /** a channel that another one replaces is taken for so long; a bound one is bound anew so often */
  formerChannelMs: 30_000,
  rebindMs: 25_000,
  /** a relay channel is kept beside a direct path for so long after the last packet of an application */
  standbyMs: 60_000,
  /** peers are told of a move after so long also where no coordinator answers */
  movedMs: 1_500,
} as const;
