import { concat } from '../../src/base/bytes.ts';
import type { Cid } from '../../src/base/cid.ts';
import { cidOfWords } from '../../src/base/flow-cid.ts';
import { FLOW } from '../../src/base/flow-words.ts';
import { encodeControl } from '../../src/dprp/control-record.ts';
import { type Ipv4Fields, ipv4 as ipv4Unsummed, parse } from '../base/ip-packets.ts';
import { sealAs } from './forge.ts';
import { numbered, withIpChecksum } from './packets.ts';
import { type SimNode, trio, type World } from './world.ts';

/** `from` sends any plaintext inside its SA with `to`, as a member with a program of its own can. */
export function forge(world: World, from: SimNode, to: SimNode, ...plaintexts: Uint8Array[]): void {
  for (const plaintext of plaintexts) world.launch(from, [sealAs(from, to, plaintext)]);
  world.run(10);
}

export const ipv4 = (payload: Uint8Array, fields: Ipv4Fields) => withIpChecksum(ipv4Unsummed(payload, fields));

/** All three have talked; what they got is forgotten. */
export function met() {
  const joined = trio();
  const { world, a, b, c } = joined;
  world.send(b, numbered(b, a, 1));
  world.send(c, numbered(c, a, 1));
  world.send(b, numbered(b, c, 1));
  world.run(100);
  for (const node of [a, b, c]) node.received.length = 0;
  return joined;
}

export const text = (node: SimNode, family: 4 | 6 = 4) =>
  family === 4 ? node.address(4).join('.') : (node.keys.self().addresses.find((each) => each.includes(':')) ?? '');

export function cidOf(packet: Uint8Array): Cid {
  return cidOfWords(parse(packet).flow.slice(0, FLOW.stride));
}

export function opening(cid: Cid, packet: Uint8Array, pit = 1): Uint8Array {
  return encodeControl({
    kind: 'mpit',
    pitId: new Uint8Array(8).fill(pit),
    cid,
    action: 'encrypt',
    lifetime: 60,
    packet,
  });
}

/** The CID of an IPv4 UDP packet, read by other means than the code under test. */
export function cidWithin(packet: Uint8Array): Cid {
  const view = new DataView(packet.buffer, packet.byteOffset);
  const pad = (from: number) => concat(new Uint8Array(12), packet.slice(from, from + 4));
  return {
    family: 4,
    protocol: 17,
    source: pad(12),
    destination: pad(16),
    sourcePort: view.getUint16(20),
    destinationPort: view.getUint16(22),
  };
}
