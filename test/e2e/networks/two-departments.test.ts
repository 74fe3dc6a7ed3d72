import { runNetwork, type ShortRow } from './run-rows.ts';

/**
 * Two departments, each with a manager, and the managers' server:
 *
 *   GES1, GES2, a manager, TermA ── GEN1 ──┐
 *                                  wire ── Server, closed, for managers
 *   GES4, GES3, a manager, TermB ── GEN2 ──┘
 */
const MACHINES = [
  'GEN1 GEN CL{1}',
  'GEN1 > GES1 GES OP{1}',
  'GEN1 > GES2 GES OP{1,3}',
  'GEN1 > TermA',
  'GEN2 GEN CL{2}',
  'GEN2 > GES3 GES OP{2,3}',
  'GEN2 > GES4 GES OP{2}',
  'GEN2 > TermB',
  'Server GES CL{3}',
];

const none = null;

/** What a closed GEN on either side makes of everything that is not the overlay's. */
const SHUT = ['RELAY-P DISCARD – –', '– – DISCARD RELAY-P'] as const;

/** Every pair. Where one end is a terminal, only its department knows that it lies behind the overlay. */
const ROWS: readonly ShortRow[] = [
  ['GES1 – GES2', 'ENC(1) ENC(1)', 'ENC(1) ENC(1)', 'RELAY-P RELAY-P', 'RELAY-P RELAY-P'],
  ['GES1 – TermA', 'RELAY-P', none, 'RELAY-P', 'RELAY-P'],
  ['GES2 – TermA', 'RELAY-P', none, 'RELAY-P', 'RELAY-P'],
  ['TermA – GEN1 – GES1', 'ENC(1) ENC(1)', none, none, none],
  ['TermA – GEN1 – GES2', 'ENC(1) ENC(1)', none, none, none],
  ['GES3 – GES4', 'ENC(2) ENC(2)', 'ENC(2) ENC(2)', 'RELAY-P RELAY-P', 'RELAY-P RELAY-P'],
  ['GES3 – TermB', 'RELAY-P', none, 'RELAY-P', 'RELAY-P'],
  ['GES4 – TermB', 'RELAY-P', none, 'RELAY-P', 'RELAY-P'],
  ['TermB – GEN2 – GES3', 'ENC(2) ENC(2)', none, none, none],
  ['TermB – GEN2 – GES4', 'ENC(2) ENC(2)', none, none, none],
  ['GES1 – GEN1 – GEN2 – GES3', 'DISCARD – – –', '– – – DISCARD', ...SHUT],
  ['GES1 – GEN1 – GEN2 – GES4', 'DISCARD – – –', '– – – DISCARD', ...SHUT],
  ['GES2 – GEN1 – GEN2 – GES3', 'ENC(3) RELAY-C RELAY-C ENC(3)', 'ENC(3) RELAY-C RELAY-C ENC(3)', ...SHUT],
  ['GES2 – GEN1 – GEN2 – GES4', 'DISCARD – – –', '– – – DISCARD', ...SHUT],
  ['GES1 – GEN1 – GEN2 – TermB', none, '– – DISCARD', 'RELAY-P DISCARD –', '– – DISCARD'],
  ['GES2 – GEN1 – GEN2 – TermB', none, '– – DISCARD', 'RELAY-P DISCARD –', '– – DISCARD'],
  ['TermA – GEN1 – GEN2 – GES3', 'DISCARD – –', none, 'DISCARD – –', '– DISCARD RELAY-P'],
  ['TermA – GEN1 – GEN2 – GES4', 'DISCARD – –', none, 'DISCARD – –', '– DISCARD RELAY-P'],
  ['TermA – GEN1 – GEN2 – TermB', none, none, 'DISCARD –', '– DISCARD'],
  ['GES1 – GEN1 – Server', 'DISCARD – –', '– – DISCARD', 'RELAY-P DISCARD –', '– – DISCARD'],
  ['GES2 – GEN1 – Server', 'ENC(3) RELAY-C ENC(3)', 'ENC(3) RELAY-C ENC(3)', 'RELAY-P DISCARD –', '– – DISCARD'],
  ['TermA – GEN1 – Server', 'DISCARD –', none, 'DISCARD –', '– DISCARD'],
  ['GES3 – GEN2 – Server', 'ENC(3) RELAY-C ENC(3)', 'ENC(3) RELAY-C ENC(3)', 'RELAY-P DISCARD –', '– – DISCARD'],
  ['GES4 – GEN2 – Server', 'DISCARD – –', '– – DISCARD', 'RELAY-P DISCARD –', '– – DISCARD'],
  ['TermB – GEN2 – Server', 'DISCARD –', none, 'DISCARD –', '– DISCARD'],
];

runNetwork(MACHINES, ROWS, 'authority');
