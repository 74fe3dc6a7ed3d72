import { PROJECT, pinnedNode } from '../../src/cli/lab/pinned-node.ts';
import { tryNow } from '../../src/cli/lab/run-now.ts';
import { compiled } from '../../test/netns/compiled.ts';
import { configureDevices, INSIDE, type Peer } from './peer.ts';

/** The C++ prototype of the same data path without handshake or policy (bench/limit). */
export const limit: Peer = {
  name: 'limit',
  version: () => `AES-256-GCM, OpenSSL ${process.versions.openssl}`,
  missing: () => (tryNow('g++', ['--version']) ? undefined : 'g++ (Debian: apt-get install g++)'),
  prepare: async () => void compiled('bench/limit/limit.cc', true),
  start: async (bed) => {
    const command = [pinnedNode(), `${PROJECT}bench/limit/limit.ts`, 'lim0'];
    const aProcess = bed.a.start([...command, bed.aAddress, bed.bAddress], { seconds: 3600 });
    const bProcess = bed.b.start([...command, bed.bAddress, bed.aAddress], { seconds: 3600 });
    await configureDevices(bed, 'lim0', 'lim0');
    return { address: INSIDE.b, aProcess, bProcess };
  },
};
