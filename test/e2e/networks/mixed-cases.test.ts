import type { Row } from './row.ts';
import { runRows } from './run-rows.ts';

/** The mixed cases of protocol.md 20.3 without an element in between. */
const ROWS: readonly Row[] = [
  {
    name: 'M1 one common group',
    path: 'X GES OP S{1} – Y GES OP D{1}',
    overlay: 'ENC(1) ENC(1)',
    ordinary: 'RELAY-P RELAY-P',
    ordinaryBack: 'RELAY-P RELAY-P',
  },
  {
    name: 'M3 terminal behind GEN to GES',
    path: 'G GEN CL S{1} – Y GES CL D{1}',
    overlay: 'ENC(1) ENC(1)',
    ordinary: 'DISCARD –',
    ordinaryBack: '– DISCARD',
  },
  {
    name: 'M4 terminals behind two GEN',
    path: 'G GEN CL S{1} – H GEN CL D{1}',
    overlay: 'ENC(1) ENC(1)',
    ordinary: 'DISCARD –',
    ordinaryBack: '– DISCARD',
  },
  {
    name: 'M10 no common group, open',
    path: 'X GES OP S{1} – Y GES OP D{2}',
    overlay: 'DISCARD –',
    overlayBack: '– DISCARD',
    ordinary: 'RELAY-P RELAY-P',
    ordinaryBack: 'RELAY-P RELAY-P',
  },
  {
    name: 'M11 no common group, one closed',
    path: 'X GES OP S{1} – Y GES CL D{2}',
    overlay: 'DISCARD –',
    overlayBack: '– DISCARD',
    ordinary: 'RELAY-P DISCARD',
    ordinaryBack: '– DISCARD',
  },
  {
    name: 'M12 lowest of several',
    path: 'X GES OP S{3,5,7} – Y GES OP D{5,7}',
    overlay: 'ENC(5) ENC(5)',
    ordinary: 'RELAY-P RELAY-P',
    ordinaryBack: 'RELAY-P RELAY-P',
  },
  {
    name: 'M20 both ends inside',
    path: 'G GEN CL B{1}',
    overlay: 'RELAY-P',
    // addresses of networks that the GEN does not serve are strangers'
    ordinary: 'DISCARD',
    ordinaryBack: 'DISCARD',
  },
];

runRows(ROWS);
