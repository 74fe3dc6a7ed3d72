import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { withLab } from '../../src/cli/lab/lab.ts';
import { PROJECT, pinnedNode } from '../../src/cli/lab/pinned-node.ts';
import { capture } from './capture.ts';
import { pair } from './kit.ts';

const ETHERNET = 14;
const IPV4_TYPE = 0x0800;

/** Sends datagrams of the given sizes to both addresses of the other machine; what came of each. */
const SEND = `const addon = require(process.argv[1]); const sizes = JSON.parse(process.argv[2]);
  const to = [[10, 99, 0, 2], [0xfd, 0x99, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2]];
  const { fd } = addon.udpOpen({ port: 0, gro: true, gso: true, reusePort: false });
  console.log(JSON.stringify(to.map((address) => sizes.map((size) => addon.udpSend(fd, new Uint8Array(size), Uint8Array.from(address), 4000)))));`;
const send = (...sizes: readonly number[]) => [
  pinnedNode(),
  '-e',
  SEND,
  join(PROJECT, 'build/gscip.node'),
  JSON.stringify(sizes),
];

describe('outer datagrams', () => {
  it('N6: carry DF over IPv4', () =>
    withLab(async (lab) => {
      const { a } = pair(lab);
      const wire = await capture(lab, a, 'eth0');
      await a.run(send(100, 1472));
      const frames = (await wire.stop()).map((packet) => Buffer.from(packet.bytes));
      const sent = frames.filter((frame) => frame.readUInt16BE(12) === IPV4_TYPE && frame[ETHERNET + 9] === 17);
      expect(sent).toHaveLength(2);
      for (const frame of sent) expect(frame.readUInt16BE(ETHERNET + 6)).toBe(0x4000);
    }));

  it('N6: are refused rather than cut when they are larger than the wire takes', () =>
    withLab(async (lab) => {
      const { a } = pair(lab);
      const [v4, v6] = JSON.parse(await a.run(send(1472, 1473, 1452, 1453)));
      expect(v4).toEqual(['', 'EMSGSIZE', '', '']);
      expect(v6).toEqual(['EMSGSIZE', 'EMSGSIZE', '', 'EMSGSIZE']);
    }));
});
