import { millis, type SaIndex, unixSeconds } from '../../src/base/brands.ts';
import { parseFlow } from '../../src/base/flow.ts';
import { FLOW } from '../../src/base/flow-words.ts';
import { DATA_OVERHEAD, MESSAGE, RECORD_ROW, RUN } from '../../src/base/primitives.ts';
import { PIT_ACTION } from '../../src/pit/terms.ts';
import { udpPacket } from '../../test/node/packets.ts';
import { Caller } from '../members/caller.ts';
import { coresInMemory } from '../members/cores.ts';
import { BATCH, BEGIN, type Datagram, Hub } from '../members/hub.ts';
import { MadeNetwork } from '../members/network.ts';
import { TwoHubs } from '../members/two-hubs.ts';
import { median } from '../tools/statistics.ts';

/** One figure or more, each by its name; run in a process of its own, with --expose-gc. */
export type Trial = (size: number, milliseconds: number) => Readonly<Record<string, number>>;

/** Inner bytes of a packet. */
const PACKET_BYTES = 64;
const PORTS = [1_024, 7] as const;
/**
 * Milliseconds of the hub's clock from one handshake to the next: all are over before the first flow ends for want of answers.
 * Not a whole number: times of a real clock are none, and take more memory.
 */
const APART = 0.625;

/** A hub with SAs with `peers` others; those are kept, with keys, where `isKept`. */
class Star {
  readonly hub: Hub;
  readonly network: MadeNetwork;
  readonly callers: Caller[] = [];
  readonly #cores = coresInMemory();
  now = BEGIN;

  constructor(peers: number, pitCapacity = 262_144) {
    const { provider, random, addon } = this.#cores;
    const settings = { pitCapacity, pitLimits: { entriesPerPeer: pitCapacity, newPerSecond: 2 * pitCapacity } };
    this.network = new MadeNetwork(
      { provider, random, now: unixSeconds(Math.floor(Date.now() / 1_000)) },
      peers + 1,
      1,
    );
    this.hub = new Hub({ provider, random, primitives: addon, keys: this.network.keysOf(0), settings });
    for (const { number } of this.network.members) this.network.identityOf(number);
  }

  /** Member `number` makes its SA. */
  meet(number: number, isKept: boolean): Caller {
    const { provider, random, addon } = this.#cores;
    const { keys } = this.hub.engine.node;
    const tools = { provider, random, keys, ...(isKept && { primitives: addon }) };
    const caller = new Caller(this.network, number, tools);
    const [own, { path }] = [this.network.members[0], this.network.members[number]];
    this.now = millis(this.now + APART);
    let flying = caller.call(own, this.now);
    while (flying.length > 0) {
      const answers = this.hub.receive(
        flying.map((bytes) => ({ bytes, path })),
        this.now,
      );
      flying = answers.flatMap((answer) => caller.handle(answer.bytes, own.path, this.now));
    }
    if (!caller.hasSa) throw new Error(`member ${number} has no SA`);
    if (number % 20 === 0) this.hub.tick(this.now);
    return caller;
  }

  meetAll(): void {
    for (const { number } of this.network.members.slice(1)) {
      const caller = this.meet(number, true);
      this.callers.push(caller);
      // its first packet confirms the SA, which is not what the next ones cost
      this.hub.receive([this.packetFrom(caller)], this.now);
    }
  }

  /** Nanoseconds per packet that the hub sends, each to a peer drawn at random. */
  sending(milliseconds: number, packetTo: (peer: number) => Uint8Array): number {
    const { hub, callers } = this;
    return this.#rate(milliseconds, () => {
      const before = [hub.nanoseconds, hub.sealed] as const;
      hub.send(
        Array.from({ length: BATCH }, () => packetTo(Math.floor(Math.random() * callers.length))),
        this.now,
      );
      return [hub.nanoseconds - before[0], hub.sealed - before[1]];
    });
  }

  /** Nanoseconds per packet that the hub gets, each from a peer drawn at random. */
  receiving(milliseconds: number): number {
    const { hub, callers } = this;
    return this.#rate(milliseconds, () => {
      const datagrams = Array.from({ length: BATCH }, () =>
        this.packetFrom(callers[Math.floor(Math.random() * callers.length)]),
      );
      const before = [hub.nanoseconds, hub.delivered] as const;
      hub.receive(datagrams, this.now);
      return [hub.nanoseconds - before[0], hub.delivered - before[1]];
    });
  }

  /** The hub's answers to what its peers sent. */
  readonly answerTo = (peer: number): Uint8Array => this.packetTo(this.callers[peer].member.number);

  packetTo(number: number): Uint8Array {
    const [own, member] = [this.network.members[0], this.network.members[number]];
    return udpPacket(ip4(own.vip), ip4(member.vip), [PORTS[1], PORTS[0]], payload());
  }

  packetFrom(caller: Caller): Datagram {
    const own = this.network.members[0];
    return sealed(caller, udpPacket(ip4(caller.member.vip), ip4(own.vip), PORTS, payload()));
  }

  close(): void {
    const { engine } = this.hub;
    engine.flush(true, this.now);
    for (const { slot } of engine.node.paths.peers()) engine.node.primitives.pathFree(slot);
    for (const caller of this.callers) caller.close();
  }

  /** The first fifth of the time warms up; a batch of which not all arrived is a defect of the bench. */
  #rate(milliseconds: number, batch: () => readonly [nanoseconds: number, packets: number]): number {
    const costs: number[] = [];
    const begin = performance.now();
    for (let elapsed = 0; elapsed < milliseconds * 1.25; elapsed = performance.now() - begin) {
      const [nanoseconds, packets] = batch();
      if (packets !== BATCH) throw new Error(`${packets} of ${BATCH} packets`);
      if (elapsed >= milliseconds * 0.25) costs.push(nanoseconds / packets);
    }
    return median(costs);
  }
}

function sealed(caller: Caller, packet: Uint8Array): Datagram {
  const bytes = caller.seal(packet);
  if (bytes === undefined) throw new Error('a member without traffic keys');
  return { bytes, path: caller.member.path };
}

function ip4(vip: Uint8Array): Uint8Array {
  return vip.slice(12);
}

function payload(): Uint8Array {
  return new Uint8Array(PACKET_BYTES - 28);
}

/** What each packet costs a node with so many peers, all of them equally likely. */
const peers: Trial = (size, milliseconds) => {
  const star = new Star(size);
  star.meetAll();
  const out = star.sending(milliseconds, star.answerTo);
  const into = star.receiving(milliseconds);
  star.close();
  return { out, into };
};

/**
 * Bytes of JavaScript per peer with an SA: objects of the heap and their buffers. `quiet`: after the handshake; `inUse`: after
 * a packet of each direction.
 */
const peerHeap: Trial = (size) => {
  const star = new Star(size);
  const warm = Math.min(200, Math.floor(size / 2));
  const packets = new Uint8Array((size + 1) * (PACKET_BYTES + DATA_OVERHEAD));
  const packetOf = (number: number) =>
    packets.subarray(number * (PACKET_BYTES + DATA_OVERHEAD)).subarray(0, PACKET_BYTES + DATA_OVERHEAD);
  const meet = (number: number) => {
    const caller = star.meet(number, true);
    packetOf(number).set(star.packetFrom(caller).bytes);
    caller.close();
  };
  for (let number = 1; number <= warm; number++) meet(number);
  const before = heap();
  for (let number = warm + 1; number <= size; number++) meet(number);
  // what a handshake leaves behind to answer its repeats ends after 20 s
  star.now = millis(star.now + 21_000);
  star.hub.tick(star.now);
  const quiet = (heap() - before) / (size - warm);
  for (let number = 1; number <= size; number++) {
    star.hub.receive([{ bytes: packetOf(number), path: star.network.members[number].path }], star.now);
    star.hub.send([star.packetTo(number)], star.now);
  }
  if (star.hub.delivered !== size || star.hub.sealed !== size)
    throw new Error(`${star.hub.delivered} and ${star.hub.sealed}`);
  return { quiet, inUse: (heap() - before) / (size - warm) };
};

/**
 * Bytes outside of JavaScript per SA: keys, counters, windows and keyed contexts of the addon. `quiet`: nothing was sealed or
 * opened; `inUse`: one datagram of each direction.
 */
const peerNative: Trial = (size) => {
  const { addon } = coresInMemory();
  const [key, iv, datagram] = [new Uint8Array(32), new Uint8Array(12), new Uint8Array(DATA_OVERHEAD)];
  const [messages, records, runs] = [MESSAGE, RECORD_ROW, RUN].map(({ stride }) => new Int32Array(stride));
  messages.set([0, DATA_OVERHEAD, DATA_OVERHEAD], MESSAGE.offset);
  const install = (count: number) =>
    Array.from({ length: count }, (_, at) => {
      const index = addon.saReserve(at);
      addon.saInstallRx(index, 1, key, iv, 65_536);
      addon.saInstallTx(index, 1, key, iv, index);
      return index;
    });
  // each sends to itself
  const use = (indices: readonly SaIndex[]) => {
    for (const index of indices) {
      addon.sealOne(index, new Uint8Array(0), 0, datagram);
      if (addon.openBatch(datagram, messages, 1, records, runs) !== 1) throw new Error('not opened');
    }
  };
  const outside = () => {
    globalThis.gc?.();
    const { rss, heapTotal } = process.memoryUsage();
    return rss - heapTotal;
  };
  use(install(200));
  const before = outside();
  const indices = install(size);
  const quiet = (outside() - before) / size;
  use(indices);
  return { quiet, inUse: (outside() - before) / size };
};

/** What each packet costs over so many flows of one peer, all of them equally likely, and what a flow takes in memory. */
const flows: Trial = (size, milliseconds) => {
  const star = new Star(1, Math.max(4_096, 2 ** Math.ceil(Math.log2(size * 1.25))));
  star.meetAll();
  const { pit, sas } = star.hub.engine.node;
  const [own, peer] = star.network.members.map(({ vip }) => ip4(vip));
  const [sa] = sas.sas();
  if (!own || !peer || !sa) throw new Error('two members and an SA');
  const packetOf = (flow: number) =>
    udpPacket(own, peer, [1_024 + (flow % 60_000), 1_000 + Math.floor(flow / 60_000)], payload());
  const words = new Int32Array(FLOW.stride);
  for (let flow = 0; flow < size; flow++) {
    const packet = packetOf(flow);
    parseFlow(new DataView(packet.buffer, packet.byteOffset), 0, packet.length, words);
    const values = { action: PIT_ACTION.encrypt, confirmed: true, owner: sa.owner, version: sa.version, reason: 0 };
    if (pit.put(words, { ...values, pitIdHigh: 1, pitIdLow: flow }, star.now) < 0) throw new Error(`flow ${flow}`);
  }
  const out = star.sending(milliseconds, () => packetOf(Math.floor(Math.random() * size)));
  const bytes = pit.buffer.byteLength / pit.entries.capacity;
  star.close();
  return { out, bytes };
};

/** What a handshake takes where both ends are in so many groups, µs of both together, and what a group takes in memory. */
const groups: Trial = (size, milliseconds) => {
  const cores = coresInMemory();
  // kept until the end: what it left free meanwhile would hide what the next ones take
  const first = new TwoHubs(cores, 1);
  const before = heap();
  const one = new TwoHubs(cores, 1);
  const between = heap();
  const hubs = new TwoHubs(cores, size);
  // what the first group shares with all others is in both
  const bytes = (heap() - between - (between - before)) / 2 / (size - 1);
  first.close();
  one.close();
  const costs: number[] = [];
  const begin = performance.now();
  for (let elapsed = 0; elapsed < milliseconds * 1.5; elapsed = performance.now() - begin) {
    const steps = hubs.cold();
    hubs.forget();
    if (elapsed >= milliseconds * 0.5) costs.push(steps.reduce((sum, step) => sum + step, 0));
  }
  hubs.close();
  return { handshake: median(costs), bytes };
};

function heap(): number {
  globalThis.gc?.();
  globalThis.gc?.();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

export const TRIALS: Readonly<Record<string, Trial>> = { peers, peerHeap, peerNative, flows, groups };
