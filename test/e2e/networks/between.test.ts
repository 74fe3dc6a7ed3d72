import type { Row } from './row.ts';
import { runRows } from './run-rows.ts';

/** The mixed cases of protocol.md 20.3 with an element in between. */
const ROWS: readonly Row[] = [
  {
    name: 'M2 the GEN between shares another group',
    path: 'X GES OP S{1,2} – G GEN CL S{2} – Y GES OP D{1}',
    overlay: 'ENC(1) RELAY-C ENC(1)',
    ordinary: 'RELAY-P DISCARD –',
    ordinaryBack: '– DISCARD RELAY-P',
  },
  {
    name: 'M5 closed transit',
    path: 'X GES OP S{1} – T GEN CL N{9} – Y GES OP D{1}',
    overlay: 'ENC(1) RELAY-C ENC(1)',
    ordinary: 'RELAY-P RELAY-P RELAY-P',
    ordinaryBack: 'RELAY-P RELAY-P RELAY-P',
  },
  {
    name: 'M6 closed transit protects nobody',
    path: 'X GES OP S{1} – T GEN CL N{9} – Y GES OP D{2}',
    overlay: 'DISCARD – –',
    overlayBack: '– – DISCARD',
    ordinary: 'RELAY-P RELAY-P RELAY-P',
    ordinaryBack: 'RELAY-P RELAY-P RELAY-P',
  },
  {
    name: "M7 the GEN's group, not the target's",
    path: 'X GES OP S{2} – G GEN CL D{2} – Y GES OP D{1}',
    overlay: 'DISCARD – –',
    overlayBack: '– – DISCARD',
    ordinary: 'RELAY-P DISCARD –',
    ordinaryBack: '– DISCARD RELAY-P',
  },
  {
    name: 'M8 the same, all open',
    path: 'X GES OP S{2} – G GEN OP D{2} – Y GES OP D{1}',
    overlay: 'DISCARD – –',
    overlayBack: '– – DISCARD',
    ordinary: 'RELAY-P RELAY-P RELAY-P',
    ordinaryBack: 'RELAY-P RELAY-P RELAY-P',
  },
  {
    name: "M9 guest behind a member's GEN",
    path: 'X GES OP S{9} – G GEN CL S{1} – Y GES CL D{1}',
    overlay: 'DISCARD – –',
    overlayBack: '– – DISCARD',
    ordinary: 'RELAY-P DISCARD –',
    ordinaryBack: '– – DISCARD',
  },
  {
    name: "M16 the GEN's old version",
    path: 'X GES OP S{4.2} – G GEN CL D{4.1} – Y GES OP D{4.2}',
    overlay: 'ENC(4) RELAY-C ENC(4)',
    ordinary: 'RELAY-P DISCARD –',
    ordinaryBack: '– DISCARD RELAY-P',
  },
  {
    name: 'M17 nested, inner one uncovered',
    path: 'I GEN CL S{1} – O GEN CL S{2} – Y GES OP D{2}',
    overlay: 'DISCARD – –',
    overlayBack: '– – DISCARD',
    ordinary: 'DISCARD – –',
    ordinaryBack: '– DISCARD RELAY-P',
  },
  {
    // I sends nothing towards the overlay in clear and takes nothing in clear that comes from there (C1)
    name: 'M18 nested, inner one open, to an address of the overlay',
    path: 'I GEN OP S{1} – O GEN CL S{2} – Y GES OP D{2}',
    overlay: 'DISCARD – –',
    overlayBack: 'DISCARD ENC(2) ENC(2)',
    ordinary: 'RELAY-P DISCARD –',
    ordinaryBack: '– DISCARD RELAY-P',
  },
  {
    // the network behind H is in no roster of I's
    name: 'M18 nested, inner one open, to a network that only the outer one knows',
    path: 'I GEN OP S{1} – O GEN CL S{2} – H GEN OP D{2}',
    overlay: 'RELAY-P ENC(2) ENC(2)',
    ordinary: 'RELAY-P DISCARD –',
    ordinaryBack: '– DISCARD RELAY-P',
  },
  {
    name: 'M19 nested, inner one speaks',
    path: 'I GEN CL S{1} – O GEN CL S{2} – Y GES OP D{1}',
    overlay: 'ENC(1) RELAY-C ENC(1)',
    ordinary: 'DISCARD – –',
    ordinaryBack: '– DISCARD RELAY-P',
  },
];

runRows(ROWS);
