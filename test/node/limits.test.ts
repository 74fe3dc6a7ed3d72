import { describe, expect, it } from 'vitest';
import { cidOfWords } from '../../src/base/flow-cid.ts';
import { FLOW } from '../../src/base/flow-words.ts';
import { encodeControl } from '../../src/dprp/control-record.ts';
import { parse } from '../base/ip-packets.ts';
import { sealAs } from './forge.ts';
import { numbered, numbersOf } from './packets.ts';
import { pair, type SimNode, trio } from './world.ts';

describe('packets that wait', () => {
  /** A pair in which no handshake gets anywhere. */
  function waiting() {
    const joined = pair();
    joined.world.wire = () => [];
    return joined;
  }

  it('P4: are 64 for a destination, the newest', () => {
    const { world, a, b } = waiting();
    for (let n = 0; n < 100; n++) world.send(a, numbered(a, b, n, 5_000 + n));
    expect(a.engine.node.held.packets).toBe(64);
    expect(a.counter('held-destination-full')).toBe(36);
    world.wire = () => undefined;
    world.run(1_000);
    expect(numbersOf(b)).toEqual(Array.from({ length: 64 }, (_, n) => 36 + n));
  });

  it('P4: are at most 128 kB for a destination', () => {
    const { world, a, b } = waiting();
    // a super-packet of 60 kB is one of them
    for (let n = 0; n < 4; n++) world.send(a, numbered(a, b, n, 5_000, 4, 60_000));
    expect(a.engine.node.held.bytes).toBeLessThanOrEqual(128 * 1024);
    expect(a.engine.node.held.packets).toBe(2);
    expect(a.counter('held-destination-full')).toBe(2);
  });

  it('P4: of one destination take nothing from those of another', () => {
    const { world, a, b, c } = trio();
    world.wire = () => [];
    for (let n = 0; n < 5; n++) world.send(a, numbered(a, c, n, 5_000 + n));
    for (let n = 0; n < 1_000; n++) world.send(a, numbered(a, b, n, 5_000 + n));
    world.wire = () => undefined;
    world.run(1_000);
    expect(numbersOf(c)).toEqual([0, 1, 2, 3, 4]);
  });

  it('P4: go after three seconds, counted', () => {
    const { world, a, b } = waiting();
    world.send(a, numbered(a, b, 1));
    world.run(3_100);
    expect(a.engine.node.held.packets).toBe(0);
    expect(a.counter('held-expired')).toBe(1);
  });
});

describe('a PIT without room for a peer', () => {
  it('is told by CDN: the flow is refused, the SA stands, and no entry is tried', () => {
    const { world, a, b } = pair();
    const full = world.restart(b, { settings: { pitLimits: { entriesPerPeer: 8, newPerSecond: 0 } } });
    world.send(a, numbered(a, full, 1));
    world.run(50);
    expect([...full.engine.node.sas.sas()]).toHaveLength(1);
    expect(full.counter('pit-refused')).toBe(0);
    expect(full.engine.node.pit.entries.live).toBe(0);
    expect(a.counter('discarded-refused')).toBe(1);
    expect(numbersOf(full)).toEqual([]);
  });
});

describe('entries of the PIT', () => {
  const settings = { pitCapacity: 512, pitLimits: { entriesPerPeer: 100, newPerSecond: 1_000 } };

  function small() {
    const { world, a, b, c } = trio('small', { settings });
    world.send(b, numbered(b, a, 0));
    world.send(c, numbered(c, a, 0));
    world.run(100);
    for (const node of [a, b, c]) node.received.length = 0;
    return { world, a, b, c };
  }
  const held = (node: SimNode, peer: SimNode) => {
    const { owners, pit } = node.engine.node;
    return owners.numbersOf(peer.keys.self().id).reduce((sum, owner) => sum + pit.countOf(owner), 0);
  };

  it('P4: are as many for a peer as its quota; what is beyond costs this peer its oldest', () => {
    const { world, a, b, c } = small();
    for (let flow = 0; flow < 300; flow++) {
      world.send(b, numbered(b, a, flow, 10_000 + flow));
      world.run(2);
    }
    world.run(50);
    // every flow was served, and the other peer keeps its own
    expect(numbersOf(a)).toHaveLength(300);
    expect(held(a, b)).toBe(100);
    expect(held(a, c)).toBe(1);
    world.send(c, numbered(c, a, 1));
    world.run(10);
    expect(a.counter('no-entry')).toBe(0);
  });

  it('P4: are a thousand new ones a second for a peer, whoever opens them', () => {
    const { world, a, b, c } = small();
    const cid = (port: number) => cidOfWords(parse(numbered(b, a, 1, port)).flow.slice(0, FLOW.stride));
    for (let flow = 0; flow < 3_000; flow++) {
      const pitId = new Uint8Array(8);
      new DataView(pitId.buffer).setUint32(0, flow + 1);
      const packet = new Uint8Array(0);
      const record = { kind: 'mpit', pitId, cid: cid(2_000 + flow), action: 'encrypt', lifetime: 60, packet } as const;
      world.launch(b, [sealAs(b, a, encodeControl(record))]);
    }
    world.run(5);
    const made = a.engine.node.pit.counters.created;
    expect(made).toBeGreaterThan(900);
    expect(made).toBeLessThan(1_020);
    expect(a.counter('pit-rate')).toBe(3_000 - (made - 2));
    // the other peer is served all the same
    world.send(c, numbered(c, a, 9, 7_777));
    world.run(10);
    expect(numbersOf(a)).toEqual([9]);
  });
});

describe('NOENTRY', () => {
  function met() {
    const joined = pair();
    joined.world.send(joined.b, numbered(joined.b, joined.a, 0));
    joined.world.run(100);
    return joined;
  }

  it('is sent once per flow in 100 ms', () => {
    const { world, a, b } = met();
    const before = world.seen.filter(({ from }) => from === a.path).length;
    for (let n = 0; n < 50; n++) {
      world.launch(b, [sealAs(b, a, numbered(b, a, n, 9_999))]);
      world.run(10);
    }
    const sent = world.seen.filter(({ from }) => from === a.path).length - before;
    expect(a.counter('no-entry')).toBe(50);
    expect(sent).toBeGreaterThanOrEqual(4);
    expect(sent).toBeLessThanOrEqual(6);
  });

  it('is sent a hundred times a second in an SA at most', () => {
    const { world, a, b } = met();
    const before = world.seen.filter(({ from }) => from === a.path).length;
    for (let n = 0; n < 1_000; n++) world.launch(b, [sealAs(b, a, numbered(b, a, n, 10_000 + n))]);
    world.run(10);
    const sent = world.seen.filter(({ from }) => from === a.path).length - before;
    expect(a.counter('no-entry')).toBe(1_000);
    expect(sent).toBeGreaterThanOrEqual(95);
    expect(sent).toBeLessThanOrEqual(102);
  });

  it('about a flow that is not there, or belongs to another peer, changes nothing', () => {
    const { world, a, b, c } = trio();
    world.send(a, numbered(a, b, 1));
    world.send(c, numbered(c, a, 1));
    world.run(100);
    const cidOf = (packet: Uint8Array) => cidOfWords(parse(packet).flow.slice(0, FLOW.stride));
    const before = world.seen.length;
    for (const packet of [numbered(a, b, 1), numbered(a, b, 1, 9_999)])
      world.launch(c, [sealAs(c, a, encodeControl({ kind: 'no-entry', cid: cidOf(packet) }))]);
    world.run(500);
    expect(world.seen).toHaveLength(before + 2);
    const { pit } = a.engine.node;
    expect(pit.entries.isConfirmed(pit.find(parse(numbered(a, b, 1)).flow) >> 1)).toBe(true);
  });
});

describe('CLOSE-ENTRY', () => {
  it('closes an entry of its sender and of nobody else', () => {
    const { world, a, b, c } = trio();
    world.send(a, numbered(a, b, 1));
    world.send(c, numbered(c, a, 1));
    world.run(100);
    const { pit } = a.engine.node;
    const entry = pit.find(parse(numbered(a, b, 1)).flow) >> 1;
    const pitId = new Uint8Array(8);
    new DataView(pitId.buffer).setInt32(0, pit.entries.pitIdHigh(entry));
    new DataView(pitId.buffer).setInt32(4, pit.entries.pitIdLow(entry));
    const record = encodeControl({ kind: 'close-entry', pitId });
    world.launch(c, [sealAs(c, a, record)]);
    world.run(10);
    expect(pit.entries.live).toBe(2);
    world.launch(b, [sealAs(b, a, record)]);
    world.run(10);
    expect(pit.entries.live).toBe(1);
    // the flow goes on by opening again
    world.send(a, numbered(a, b, 2));
    world.run(50);
    expect(numbersOf(b)).toEqual([1, 2]);
  });
});
