import { until } from '../../src/cli/lab/until.ts';
import { packaged } from './packaged.ts';
import { INSIDE, type Peer } from './peer.ts';

const DEVICE = 'n2n0';
const SUPERNODE = 7_654;

/** n2n as the distribution has it (version 1, Twofish, TAP); its supernode runs beside one of the two edges. */
export const n2n: Peer = {
  name: 'n2n',
  ...packaged(['n2n'], ['edge', 'supernode']),
  prepare: async () => undefined,
  start: async (bed) => {
    const supernode = bed.a.start(['supernode', '-l', `${SUPERNODE}`], { seconds: 3600 });
    const start = (side: 'a' | 'b') => {
      const network = ['-c', 'bench', '-k', 'bench', '-l', `${bed.aAddress}:${SUPERNODE}`, '-p', '7001'];
      const words = ['edge', '-d', DEVICE, '-a', INSIDE[side], ...network, '-M', `${bed.mtu}`];
      return bed[side].start(words, { seconds: 3600 });
    };
    const [aProcess, bProcess] = [start('a'), start('b')];
    for (const side of ['a', 'b'] as const) await until(`${DEVICE} of ${side}`, () => bed[side].hasDevice(DEVICE));
    return { address: INSIDE.b, aProcess, bProcess, others: [supernode] };
  },
};
