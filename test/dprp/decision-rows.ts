/** The published networks and the mixed cases of protocol.md 20.3, with what each of their elements does. */

/** The department, the managers and the important server. */
const G1 = 'GES1 GES OP S{1}';
const G2 = 'GES2 GES OP S{1,2}';
const G3 = 'GES3 GES OP S{3}';
const GEN = 'GEN GEN CL S{1}';
const atD = (element: string) => element.replace(/ S\{/, ' D{');
const GEA = 'GEA GEA CL D{2,3}';

/** Two departments; department B's gateway holds group 2. */
const S1 = 'GES1 GES OP S{1}';
const S2 = 'GES2 GES OP S{1,3}';
const S3 = 'GES3 GES OP S{2,3}';
const S4 = 'GES4 GES OP S{2}';
const N1 = 'GEN1 GEN CL S{1}';
const N2 = 'GEN2 GEN CL S{2}';
const SERVER = 'SRV GES CL D{3}';

const path = (...elements: string[]) => elements.join(' – ');

/** Expected actions, one per element in the order of the path. */
export const DECISION_ROWS: readonly (readonly [name: string, path: string, actions: string])[] = [
  ['GES2 → server', path(G2, GEN, GEA), 'ENC(2) RELAY-C ENC(2)'],
  ['GES3 → server', path(G3, GEA), 'ENC(3) ENC(3)'],
  ['GES1 → server', path(G1, GEN, GEA), 'DISCARD DISCARD DISCARD'],
  ['Term → server', path(GEN, GEA), 'DISCARD DISCARD'],
  ['GES3 → Term', path(G3, atD(GEN)), 'DISCARD DISCARD'],
  ['GES3 → GES1', path(G3, atD(GEN), atD(G1)), 'DISCARD DISCARD DISCARD'],
  ['GES2 → GES3', path(G2, GEN, atD(G3)), 'DISCARD DISCARD DISCARD'],
  ['GES1 → GES2 on one LAN', path(G1, atD(G2)), 'ENC(1) ENC(1)'],
  ['GES1 → Term on one LAN', path(G1), 'RELAY-P'],
  ['GES2 moved → Term', path(G2, atD(GEN)), 'ENC(1) ENC(1)'],
  ['GES2 moved → GES1', path(G2, atD(GEN), atD(G1)), 'ENC(1) RELAY-C ENC(1)'],
  ['GES2 moved → server', path(G2, GEA), 'ENC(2) ENC(2)'],
  ['plain host → Term', path(atD(GEN)), 'DISCARD'],
  ['plain host → server', path(GEA), 'DISCARD'],
  ['plain host → GES3', path(atD(G3)), 'RELAY-P'],

  ['two departments: GES2 → GES3', path(S2, N1, atD(N2), atD(S3)), 'ENC(3) RELAY-C RELAY-C ENC(3)'],
  ['two departments: GES2 → server', path(S2, N1, SERVER), 'ENC(3) RELAY-C ENC(3)'],
  ['two departments: GES1 → server', path(S1, N1, SERVER), 'DISCARD DISCARD DISCARD'],
  ['two departments: GES1 → GES4', path(S1, N1, atD(N2), atD(S4)), 'DISCARD DISCARD DISCARD DISCARD'],
  ['two departments: TermA → TermB', path(N1, atD(N2)), 'DISCARD DISCARD'],
  ['two departments: GES3 → TermA', path(S3, N2, atD(N1)), 'DISCARD DISCARD DISCARD'],

  ['M1 one common group', 'X GES OP S{1} – Y GES OP D{1}', 'ENC(1) ENC(1)'],
  [
    'M2 the GEN between shares another group',
    'X GES OP S{1,2} – G GEN CL S{2} – Y GES OP D{1}',
    'ENC(1) RELAY-C ENC(1)',
  ],
  ['M3 terminal behind GEN to GES', 'G GEN CL S{1} – Y GES CL D{1}', 'ENC(1) ENC(1)'],
  ['M4 terminals behind two GEN', 'G GEN CL S{1} – H GEN CL D{1}', 'ENC(1) ENC(1)'],
  ['M5 closed transit', 'X GES OP S{1} – T GEN CL N{9} – Y GES OP D{1}', 'ENC(1) RELAY-C ENC(1)'],
  ['M6 closed transit protects nobody', 'X GES OP S{1} – T GEN CL N{9} – Y GES OP D{2}', 'RELAY-P RELAY-P RELAY-P'],
  ["M7 the GEN's group, not the target's", 'X GES OP S{2} – G GEN CL D{2} – Y GES OP D{1}', 'DISCARD DISCARD DISCARD'],
  ['M8 the same, all open', 'X GES OP S{2} – G GEN OP D{2} – Y GES OP D{1}', 'RELAY-P RELAY-P RELAY-P'],
  ["M9 guest behind a member's GEN", 'X GES OP S{9} – G GEN CL S{1} – Y GES CL D{1}', 'DISCARD DISCARD DISCARD'],
  ['M10 no common group, open', 'X GES OP S{1} – Y GES OP D{2}', 'RELAY-P RELAY-P'],
  ['M11 no common group, one closed', 'X GES OP S{1} – Y GES CL D{2}', 'DISCARD DISCARD'],
  ['M12 lowest of several', 'X GES OP S{3,5,7} – Y GES OP D{5,7}', 'ENC(5) ENC(5)'],
  ['M13 equal versions first', 'X GES OP S{5.1,7} – Y GES OP D{5.2,7}', 'ENC(7) ENC(7)'],
  ['M14 the start is behind', 'X GES OP S{1.1} – Y GES CL D{1.2}', 'HOLD HOLD'],
  ['M15 the end is behind', 'X GES OP S{1.3} – Y GES CL D{1.2}', 'HOLD HOLD'],
  ["M16 the GEN's old version", 'X GES OP S{1.2} – G GEN CL D{1.1} – Y GES OP D{1.2}', 'ENC(1.2) RELAY-C ENC(1.2)'],
  ['M17 nested, inner one uncovered', 'I GEN CL S{1} – O GEN CL S{2} – Y GES OP D{2}', 'DISCARD DISCARD DISCARD'],
  ['M18 nested, inner one open', 'I GEN OP S{1} – O GEN CL S{2} – Y GES OP D{2}', 'RELAY-P ENC(2) ENC(2)'],
  ['M19 nested, inner one speaks', 'I GEN CL S{1} – O GEN CL S{2} – Y GES OP D{1}', 'ENC(1) RELAY-C ENC(1)'],
  ['M20 both ends inside', 'G GEN CL B{1}', 'RELAY-P'],
  ['M21 member of nothing', 'X GES OP S{} – G GEN CL S{1} – Y GES CL D{1}', 'DISCARD DISCARD DISCARD'],
];
