import { CHANNEL_TIMES } from '../../api/channel/times.ts';

/**
 * Times in milliseconds: how long a connection may take to be made, after what time without a word the node says one, when
 * a server that says nothing is given up, also after a change of network, when the next address is tried, and when the server
 * is asked for a certificate again.
 */
export const LINK_TIMES = {
  opening: CHANNEL_TIMES.opening,
  ping: CHANNEL_TIMES.ping * 0.8,
  silence: 60_000,
  moved: 2_000,
  nextAddress: 250,
  renewAgain: 600_000,
} as const;
