import { runNetwork, type ShortRow } from './run-rows.ts';

/**
 * The department, the managers and the important server:
 *
 *   10.1.0.0/24 ── GES1, GES2, a manager, and Term ── GEN ──┐
 *                                                   wire ── GES3, a manager elsewhere
 *                                                           Server, closed, for the managers of both groups
 *                                                           Moved, a manager of the department like GES2
 *                                                           Host, which is nobody's
 */
const MACHINES = [
  'GEN GEN CL{1}',
  'GEN > GES1 GES OP{1}',
  'GEN > GES2 GES OP{1,2}',
  'GEN > Term',
  'GES3 GES OP{3}',
  'Server GES CL{2,3}',
  'Moved GES OP{1,2}',
  'Host',
];

const none = null;

/**
 * Every pair. In the LAN Term and the elements reach each other by their addresses there, past GEN; what Term sends to an
 * overlay address goes through GEN, sealed, and so does the answer. That Term's network is reached through the overlay is
 * known to members of GEN's group only.
 */
const ROWS: readonly ShortRow[] = [
  ['GES1 – GES2', 'ENC(1) ENC(1)', 'ENC(1) ENC(1)', 'RELAY-P RELAY-P', 'RELAY-P RELAY-P'],
  ['GES1 – Term', 'RELAY-P', none, 'RELAY-P', 'RELAY-P'],
  ['GES2 – Term', 'RELAY-P', none, 'RELAY-P', 'RELAY-P'],
  ['Term – GEN – GES1', 'ENC(1) ENC(1)', none, none, none],
  ['Term – GEN – GES2', 'ENC(1) ENC(1)', none, none, none],
  ['GES1 – GEN – GES3', 'DISCARD – –', '– – DISCARD', 'RELAY-P DISCARD –', '– DISCARD RELAY-P'],
  ['GES2 – GEN – GES3', 'DISCARD – –', '– – DISCARD', 'RELAY-P DISCARD –', '– DISCARD RELAY-P'],
  ['Term – GEN – GES3', 'DISCARD –', none, 'DISCARD –', 'DISCARD RELAY-P'],
  ['GES1 – GEN – Server', 'DISCARD – –', '– – DISCARD', 'RELAY-P DISCARD –', '– – DISCARD'],
  ['GES2 – GEN – Server', 'ENC(2) RELAY-C ENC(2)', 'ENC(2) RELAY-C ENC(2)', 'RELAY-P DISCARD –', '– – DISCARD'],
  ['Term – GEN – Server', 'DISCARD –', none, 'DISCARD –', '– DISCARD'],
  ['GES1 – GEN – Host', none, none, 'RELAY-P DISCARD', '– DISCARD'],
  ['GES2 – GEN – Host', none, none, 'RELAY-P DISCARD', '– DISCARD'],
  ['Term – GEN – Host', none, none, 'DISCARD', 'DISCARD'],
  ['GES3 – Server', 'ENC(3) ENC(3)', 'ENC(3) ENC(3)', 'RELAY-P DISCARD', '– DISCARD'],
  ['GES3 – Host', none, none, 'RELAY-P', 'RELAY-P'],
  ['Server – Host', none, none, 'DISCARD', 'DISCARD'],
  ['Moved – GEN – Term', 'ENC(1) ENC(1)', 'ENC(1) ENC(1)', 'RELAY-P DISCARD', '– DISCARD'],
  ['Moved – GEN – GES1', 'ENC(1) RELAY-C ENC(1)', 'ENC(1) RELAY-C ENC(1)', 'RELAY-P DISCARD –', '– DISCARD RELAY-P'],
  ['Moved – Server', 'ENC(2) ENC(2)', 'ENC(2) ENC(2)', 'RELAY-P DISCARD', '– DISCARD'],
];

runNetwork(MACHINES, ROWS, 'server');
