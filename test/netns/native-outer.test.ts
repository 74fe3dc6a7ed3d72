import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { withLab } from '../../src/cli/lab/lab.ts';
import { PROJECT, pinnedNode } from '../../src/cli/lab/pinned-node.ts';
import { until } from '../../src/cli/lab/until.ts';
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

/** Sends 260 bytes as a run of datagrams of 100 to both addresses of the other machine. */
const SEND_RUN = `const addon = require(process.argv[1]);
  const { fd } = addon.udpOpen({ port: 0, gro: true, gso: true, reusePort: false });
  const to = [[4, Uint8Array.of(10, 99, 0, 2)], [6, Uint8Array.of(0xfd, 0x99, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2)]];
  console.log(to.map(([family, address]) => {
    const end = new Int32Array(8);
    end[0] = family;
    new Uint8Array(end.buffer).set(address, 4);
    end[5] = 4000;
    return addon.udpSendRuns(fd, new Uint8Array(260).map((_, at) => at), Int32Array.of(0, 260, 100, 0), 1, end);
  }).join());`;

/** Payload of a captured UDP packet on Ethernet, if it is one and its headers have its lengths. */
function payloadOf(frame: Buffer): Buffer[] {
  const isIpv4 = frame.readUInt16BE(12) === IPV4_TYPE;
  if (frame[ETHERNET + (isIpv4 ? 9 : 6)] !== 17) return [];
  const udp = ETHERNET + (isIpv4 ? 20 : 40);
  expect(frame.readUInt16BE(udp + 4)).toBe(frame.length - udp);
  expect(frame.readUInt16BE(ETHERNET + (isIpv4 ? 2 : 4))).toBe(frame.length - (isIpv4 ? ETHERNET : udp));
  return [frame.subarray(udp + 8)];
}

describe('outer datagrams', () => {
  it('that leave in one piece are captured as the datagrams that they are, at either end', () =>
    withLab(async (lab) => {
      const { a, b } = pair(lab);
      const wires = [await capture(lab, a, 'eth0'), await capture(lab, b, 'eth0')];
      expect(await a.run([pinnedNode(), '-e', SEND_RUN, join(PROJECT, 'build/gscip.node')])).toBe('0,0\n');
      const run = [100, 100, 60].map((length, at) => [length, (100 * at) & 0xff]);
      for (const wire of wires) {
        const seen = () =>
          wire.packets().flatMap(({ bytes }) => payloadOf(Buffer.from(bytes)).map((it) => [it.length, it[0]]));
        await until('all datagrams', () => seen().length >= 6);
        await wire.stop();
        expect(seen()).toEqual([...run, ...run]);
      }
    }));

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
