import { setTimeout as pause } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { withLab } from '../../../src/cli/lab/lab.ts';
import { until } from '../../../src/cli/lab/until.ts';
import { ipPackets, withAddresses } from '../seen-frames.ts';
import { ColdPath } from './cold-path.ts';
import { DPRP, dprpKinds, tap } from './wires.ts';

const FOUR = [DPRP.dde, DPRP.rgi, DPRP.mpit, DPRP.cdn];
const OVERLAY = '6440';

/*
 * R200, R201, figure 3 of the papers. A repeat of a message after a quarter of a second is no defect on a busy machine, so
 * that several first packets are looked at: none takes other messages, and one takes each of them once.
 */
it(
  'a first packet between two members with a GEN in between takes exactly DDE, RGI, MPIT and CDN on every link, and arrives once',
  () =>
    withLab(async (lab) => {
      const path = new ColdPath(lab);
      const { network, start, end, way } = path;
      await network.up();
      const [near, , far] = way;
      if (!near || !far) throw new Error('a path of three');
      const inside = await tap(lab, end.namespace, end.device);
      const to = await end.address();
      const ping = async () => (await start.namespace.attempt(['ping', '-c', '1', '-W', '3', to])).code === 0;
      await until('the first answer', ping, { seconds: 30 });
      const sequences: number[][][] = [];
      for (let time = 0; time < 5; time++) {
        await pause(200); // what closes the SAs arrives
        await path.forget();
        for (const wire of [network.wire(near), network.wire(far), inside]) wire.skip();
        expect(await ping()).toBe(true);
        await pause(100);
        sequences.push([near, far].map((place) => dprpKinds(network.wire(place).since())));
        // the question and its answer; a TUN device has no link layer
        const packets = inside.since().map(({ bytes }) => Buffer.from(bytes));
        expect(
          packets.filter((bytes) => bytes[9] === 1),
          `time ${time}`,
        ).toHaveLength(2);
        for (const place of [near, far])
          expect(withAddresses(ipPackets(network.wire(place).since()), OVERLAY)).toEqual([]);
      }
      for (const kinds of sequences.flat()) expect([...new Set(kinds)]).toEqual(FOUR);
      expect(sequences).toContainEqual([FOUR, FOUR]);
    }),
  120_000,
);
