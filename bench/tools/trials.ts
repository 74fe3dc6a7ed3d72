import { millis } from '../../src/base/brands.ts';
import { parseFlow } from '../../src/base/flow.ts';
import { FLOW } from '../../src/base/flow-words.ts';
import {
  GSO,
  MESSAGE,
  PACKET,
  PARTIAL_CHECKSUM,
  type PacketPrimitives,
  RECORD_ROW,
  RUN,
  SEND,
} from '../../src/base/primitives.ts';
import { loadAddon } from '../../src/native/addon.ts';
import { nodePacketCipher } from '../../src/pccom/node-packet-cipher.ts';
import { TypescriptPrimitives } from '../../src/pccom/typescript-primitives.ts';
import { PIT_ACTION } from '../../src/pit/terms.ts';
import { innerPacket, payloadOf } from '../../test/pccom/inner-packet.ts';
import { Bench } from '../../test/pccom/primitive-kit.ts';
import { flow, kit } from '../../test/pit/table-kit.ts';

/** One step, measured alone. */
export interface Trial {
  readonly name: string;
  /** bytes of one packet, 0 where they do not matter */
  readonly bytes: number;
  /** packets that one call of `prepare` and the action it returns handle */
  readonly packets: number;
  /** sets everything up and returns what readies one round (not measured) and gives back what is measured */
  readonly setUp: () => () => () => void;
}

/** As many packets as a large TCP send becomes. */
const BATCH = 45;

/** Nanoseconds per packet: rounds until the time is over, the first tenth of it only to warm up. */
export function runTrial(trial: Trial, milliseconds: number): number {
  const round = trial.setUp();
  const begin = performance.now();
  let spent = 0n;
  let packets = 0;
  for (let elapsed = 0; elapsed < milliseconds * 1.1; elapsed = performance.now() - begin) {
    const action = round();
    const before = process.hrtime.bigint();
    action();
    const after = process.hrtime.bigint();
    if (elapsed < milliseconds * 0.1) continue;
    spent += after - before;
    packets += trial.packets;
  }
  return Number(spent) / packets;
}

const IMPLEMENTATIONS = { addon: () => addon(), typescript: () => new TypescriptPrimitives(nodePacketCipher) } as const;

function addon(): PacketPrimitives {
  const loaded = loadAddon();
  if (typeof loaded === 'string') throw new Error(`${loaded}; build it: sh scripts/build-native.sh`);
  return loaded;
}

/** All steps: the primitives by both implementations and both sizes, then what is TypeScript alone. */
export const TRIALS: readonly Trial[] = [
  ...(['addon', 'typescript'] as const).flatMap((which) =>
    [64, 1400].flatMap((bytes) => {
      const trial = (step: string, setUp: (path: DataPath) => () => () => void): Trial => ({
        name: `${step}, ${which}, ${bytes} B`,
        bytes,
        packets: BATCH,
        setUp: () => setUp(new DataPath(IMPLEMENTATIONS[which](), bytes)),
      });
      return [
        trial('seal', (path) => () => path.fillPackets().seal),
        trial('segment and seal', (path) => () => path.fillSuperPacket().seal),
        trial('open', (path) => () => path.fillPackets().sealed().open),
        trial('coalesce', (path) => () => path.fillSuperPacket().sealed().opened().coalesce),
      ];
    }),
  ),
  { name: 'parse a flow, 64 B', bytes: 64, packets: 1000, setUp: () => parseMany(64) },
  { name: 'parse a flow, 1400 B', bytes: 1400, packets: 1000, setUp: () => parseMany(1400) },
  { name: 'PIT find, 10 entries', bytes: 0, packets: 1000, setUp: () => findMany(10) },
  { name: 'PIT find, 1,000,000 entries at random', bytes: 0, packets: 1000, setUp: () => findMany(1_000_000) },
];

/** One SA that sends to itself, and the arenas between its steps. */
class DataPath {
  readonly #primitives: PacketPrimitives;
  readonly #index: number;
  readonly #bytes: number;
  readonly #arena = new Uint8Array(1 << 17);
  readonly #packets = new Int32Array(BATCH * PACKET.stride);
  readonly #out = new Uint8Array(1 << 17);
  readonly #sends = new Int32Array(64 * SEND.stride);
  readonly #messages = new Int32Array(64 * MESSAGE.stride);
  readonly #records = new Int32Array(256 * RECORD_ROW.stride);
  readonly #runs = new Int32Array(256 * RUN.stride);
  readonly #tun = new Uint8Array(1 << 18);
  readonly #single: Uint8Array;
  readonly #super: Uint8Array;
  #packetCount = 0;
  #sendCount = 0;
  #runCount = 0;

  constructor(primitives: PacketPrimitives, bytes: number) {
    this.#primitives = primitives;
    this.#bytes = bytes;
    this.#index = new Bench(primitives).loop().index;
    this.#single = innerPacket({ protocol: 'udp', payload: payloadOf(bytes - 28), checksum: 'partial' });
    this.#super = innerPacket({ protocol: 'tcp', payload: payloadOf(BATCH * (bytes - 40)), checksum: 'partial' });
  }

  readonly seal = (): void => {
    this.#sendCount = this.#primitives.sealBatch(this.#arena, this.#packets, this.#packetCount, this.#out, this.#sends);
  };

  readonly open = (): void => {
    this.#runCount = this.#primitives.openBatch(this.#out, this.#messages, this.#sendCount, this.#records, this.#runs);
  };

  readonly coalesce = (): void => {
    this.#primitives.coalesceBatch(this.#out, this.#records, this.#runs, this.#runCount, true, this.#tun);
  };

  /** Separate datagrams, as UDP without segmentation offload gives them. */
  fillPackets(): this {
    this.#packetCount = BATCH;
    for (let at = 0; at < BATCH; at++) this.#put(at, this.#single, at * 2048, { kind: GSO.none, size: 0, headers: 28 });
    return this;
  }

  /** One TCP super-packet that becomes the same number of packets. */
  fillSuperPacket(): this {
    this.#packetCount = 1;
    this.#put(0, this.#super, 0, { kind: GSO.tcp, size: this.#bytes - 40, headers: 40 });
    return this;
  }

  sealed(): this {
    this.seal();
    for (let at = 0; at < this.#sendCount; at++) {
      const send = at * SEND.stride;
      const row = at * MESSAGE.stride;
      this.#messages[row + MESSAGE.offset] = this.#sends[send + SEND.offset];
      this.#messages[row + MESSAGE.length] = this.#sends[send + SEND.length];
      this.#messages[row + MESSAGE.segment] = this.#sends[send + SEND.segment];
    }
    return this;
  }

  opened(): this {
    this.open();
    if (this.#primitives.recordCount() !== BATCH)
      throw new Error(`${this.#primitives.recordCount()} of ${BATCH} were opened`);
    for (let run = 0; run < this.#runCount; run++) this.#runs[run * RUN.stride + RUN.verdict] = 1;
    return this;
  }

  #put(row: number, packet: Uint8Array, offset: number, gso: { kind: number; size: number; headers: number }): void {
    const at = row * PACKET.stride;
    this.#arena.set(packet, 16 + offset);
    this.#packets[at + PACKET.offset] = 16 + offset;
    this.#packets[at + PACKET.length] = packet.length;
    this.#packets[at + PACKET.kind] = gso.kind | PARTIAL_CHECKSUM;
    this.#packets[at + PACKET.gsoSize] = gso.size;
    this.#packets[at + PACKET.headerLength] = gso.headers;
    this.#packets[at + PACKET.l4Offset] = 20;
    this.#packets[at + PACKET.sa] = this.#index;
    this.#packets[at + PACKET.segments] = gso.kind === GSO.none ? 1 : BATCH;
  }
}

function parseMany(bytes: number): () => () => void {
  const packet = innerPacket({ protocol: 'udp', payload: payloadOf(bytes - 28) });
  const view = new DataView(packet.buffer, packet.byteOffset, packet.length);
  const words = new Int32Array(FLOW.stride);
  return () => () => {
    for (let n = 0; n < 1000; n++) parseFlow(view, 0, packet.length, words);
  };
}

function findMany(entries: number): () => () => void {
  const { pit, owner } = kit(entries);
  const values = {
    action: PIT_ACTION.encrypt,
    confirmed: true,
    owner: owner(1),
    version: 1,
    pitIdHigh: 0,
    pitIdLow: 0,
    reason: 0,
  };
  for (let n = 0; n < entries; n++) {
    if (pit.put(numbered(n), values, millis(n)) < 0) throw new Error(`entry ${n} did not fit`);
  }
  return () => {
    const asked = Array.from({ length: 1000 }, () => numbered(Math.floor(Math.random() * entries)));
    return () => {
      for (const words of asked) if (pit.find(words) < 0) throw new Error('a flow is missing');
    };
  };
}

function numbered(n: number): Int32Array {
  return flow({ source: 1 + (n >>> 16), sourcePort: n & 0xffff, destination: 500, destinationPort: 7 });
}
