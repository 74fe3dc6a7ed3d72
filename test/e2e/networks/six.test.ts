import { expect, it } from 'vitest';
import { withLab } from '../../../src/cli/lab/lab.ts';
import { ipPackets } from '../seen-frames.ts';
import { seenActions } from './seen-actions.ts';
import { SixNetwork } from './six-network.ts';
import { DPRP, dprpKinds } from './wires.ts';

/** Ways with elements in between, and what each element does; from both ends alike but for a refusal. */
const ROWS: readonly (readonly [way: string, there: string, back: string])[] = [
  ['Near – Outer – Far', 'ENC(1) RELAY-C ENC(1)', 'ENC(1) RELAY-C ENC(1)'],
  ['Deep – Inner – Outer – Far', 'ENC(1) RELAY-C RELAY-C ENC(1)', 'ENC(1) RELAY-C RELAY-C ENC(1)'],
  ['Deep – Inner – Near', 'ENC(1) RELAY-C ENC(1)', 'ENC(1) RELAY-C ENC(1)'],
  ['Near – Outer – Else', 'DISCARD – –', '– – DISCARD'],
];

it(
  'elements below one and two GENs by an underlay of IPv6: exact actions on every link, IPv6 inside, and the four messages went past each',
  () =>
    withLab(async (lab) => {
      const network = new SixNetwork(lab);
      await network.up();
      for (const [way, there, back] of ROWS) {
        expect(await seenActions(network, network.way(way), 'overlay'), `${way}, there`).toBe(there);
        expect(await seenActions(network, network.way(way), 'overlay', true), `${way}, back`).toBe(back);
      }
      for (const place of network.way('Deep – Inner')) {
        const wire = network.wire(place);
        expect(
          ipPackets(wire.all()).filter(({ family }) => family === 4),
          place.name,
        ).toEqual([]);
        expect([...new Set(dprpKinds(wire.all()))].sort(), place.name).toEqual(
          expect.arrayContaining([DPRP.dde, DPRP.rgi, DPRP.mpit, DPRP.cdn]),
        );
      }
    }),
  180_000,
);
