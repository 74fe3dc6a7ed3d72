import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { describe, expect, it } from 'vitest';
import { millis } from '../../src/base/brands.ts';
import { PROTOCOL } from '../../src/base/flow-words.ts';
import { sharedInt32 } from '../../src/base/shared-arrays.ts';
import { FlowTally } from '../../src/pit/flow-tally.ts';
import { PitGate } from '../../src/pit/gate.ts';
import { Owners } from '../../src/pit/owners.ts';
import { PitReader } from '../../src/pit/pit-reader.ts';
import { Pit } from '../../src/pit/table.ts';
import { TCP_FLAG } from '../../src/pit/tcp-state.ts';
import { DIRECTION, PIT_ACTION } from '../../src/pit/terms.ts';
import { flow, groupOf, node, WIDE } from './table-kit.ts';

const NOW = millis(1_000);
const FLOW = flow({ sourcePort: 10 });

function table(capacity = 64) {
  const owners = new Owners();
  const pit = new Pit({ capacity, seed: { low: 1, high: 2 }, owners, limits: WIDE, gate: new PitGate(capacity) });
  const owner = (peer: number) => owners.number({ peer: node(peer), group: groupOf(1), chain: 0 });
  const { view } = pit;
  if (view === undefined) throw new Error('a table with a gate has a view');
  const values = {
    action: PIT_ACTION.encrypt,
    confirmed: true,
    owner: owner(1),
    version: 1,
    pitIdHigh: 0,
    pitIdLow: 0,
  };
  const put = (words: Int32Array, more = {}) => pit.put(words, { ...values, reason: 0, ...more }, NOW);
  const pass = (words: Int32Array, tcpFlags = 0) => {
    pit.count(pit.find(words), 1, 100, tcpFlags, NOW);
    pit.openGates(() => true);
  };
  return { pit, owner, view, put, pass, reader: new PitReader(view) };
}

describe('an entry that workers may use', () => {
  it('is found by them after a packet passed, and no sooner', () => {
    const { put, pit, pass, reader } = table();
    const entry = put(FLOW);
    expect(reader.find(FLOW)).toBe(-1);
    pit.count(pit.find(FLOW), 1, 100, 0, NOW);
    expect(reader.find(FLOW)).toBe(-1);
    pass(FLOW);
    expect(reader.find(FLOW)).toBe(entry);
    expect(reader.owner).toBe(1);
  });

  it('tells which way a packet goes by the end that is this node’s', () => {
    const { put, pit, reader } = table();
    const back = flow({ source: 2, destination: 1, sourcePort: 20, destinationPort: 10 });
    const out = flow({ source: 1, destination: 2, sourcePort: 10, destinationPort: 20 });
    put(out);
    for (const ownHigh of [true, false]) {
      pit.shutAll();
      pit.count(pit.find(out), 1, 1, 0, NOW);
      pit.openGates(() => ownHigh);
      reader.find(out);
      const first = { isOut: reader.isOut, direction: reader.direction };
      reader.find(back);
      expect(reader.isOut).toBe(!first.isOut);
      expect([first.direction, reader.direction]).toEqual([DIRECTION.forward, DIRECTION.reverse]);
      expect(first.isOut).toBe(!ownHigh);
    }
  });

  it('stays shut where not exactly one end is this node’s', () => {
    const { put, pit, reader } = table();
    put(FLOW);
    pit.count(pit.find(FLOW), 1, 1, 0, NOW);
    pit.openGates(() => undefined);
    expect(reader.find(FLOW)).toBe(-1);
  });

  it.each([
    ['not confirmed', { confirmed: false }],
    ['refused', { action: PIT_ACTION.discard }],
  ])('stays shut while it is %s', (_, more) => {
    const { put, pass, reader } = table();
    put(FLOW, more);
    pass(FLOW);
    expect(reader.find(FLOW)).toBe(-1);
  });

  it.each([
    ['is removed', ({ pit }: Opened, entry: number) => pit.remove(entry, 'closed', NOW)],
    ['is provisional again', ({ pit }: Opened, entry: number) => pit.makeProvisional(entry)],
    ['waits for an SA', ({ pit }: Opened, entry: number) => pit.shut(entry)],
    ['goes to another owner', ({ pit, owner }: Opened) => pit.moveOwner(1, owner(2), 2, NOW)],
    ['loses its owner', ({ pit }: Opened) => pit.removeOwner(1, 'owner-removed', NOW)],
    [
      'is decided anew',
      ({ pit }: Opened, entry: number) =>
        pit.reassign(entry, { action: PIT_ACTION.discard, owner: 1, version: 1, reason: 1 }, NOW),
    ],
    ['may have addresses of others', ({ pit }: Opened) => pit.shutAll()],
  ])('is shut at once when it %s', (_, change) => {
    const opened = table();
    const entry = opened.put(FLOW);
    opened.pass(FLOW);
    expect(opened.reader.find(FLOW)).toBe(entry);
    change(opened, entry);
    expect(opened.reader.find(FLOW)).toBe(-1);
  });

  it('of a TCP connection is open between its beginning and its end', () => {
    const { put, pass, reader } = table();
    const there = flow({ protocol: PROTOCOL.tcp, source: 1, destination: 2, sourcePort: 10, destinationPort: 22 });
    const back = flow({ protocol: PROTOCOL.tcp, source: 2, destination: 1, sourcePort: 22, destinationPort: 10 });
    const { syn, ack, fin } = TCP_FLAG;
    put(there);
    const states = [];
    for (const [words, flags] of [
      [there, syn],
      [back, syn | ack],
      [there, ack],
      [back, ack],
      [there, fin | ack],
    ] as const) {
      pass(words, flags);
      states.push(reader.find(there) >= 0);
    }
    expect(states).toEqual([false, false, true, true, false]);
  });

  it('stays shut while somebody wants to see every packet', () => {
    const { put, pass, pit, reader } = table();
    const entry = put(FLOW);
    pass(FLOW);
    pit.keepShut(true);
    expect(reader.find(FLOW)).toBe(-1);
    pass(FLOW);
    expect(reader.find(FLOW)).toBe(-1);
    pit.keepShut(false);
    pass(FLOW);
    expect(reader.find(FLOW)).toBe(entry);
  });

  it('counts what workers counted, and starts at nothing with its next flow', () => {
    const { pit, put } = table(1);
    const tally = FlowTally.of(1);
    pit.entries.addTally(tally);
    const entry = put(FLOW);
    pit.count(entry << 1, 1, 100, 0, NOW);
    tally.count(entry, DIRECTION.reverse, 3, 300, millis(5_000));
    expect(pit.entries.bytes(entry, DIRECTION.forward)).toBe(100);
    expect(pit.entries.bytes(entry, DIRECTION.reverse)).toBe(300);
    expect(pit.entries.packets(entry, DIRECTION.reverse)).toBe(3);
    expect(pit.entries.isAnswered(entry)).toBe(true);
    expect(pit.entries.idle(entry, millis(5_500))).toBe(500);
    pit.remove(entry, 'closed', NOW);
    expect(put(flow({ sourcePort: 11 }))).toBe(entry);
    expect(pit.entries.packets(entry, DIRECTION.reverse)).toBe(0);
    expect(pit.entries.isAnswered(entry)).toBe(false);
  });
});

type Opened = ReturnType<typeof table>;

it('a reader in another thread never takes an entry for another flow’s while entries come, change and go', async () => {
  const flows = 40;
  // far fewer entries than flows: each is used by one flow after the other
  const { pit, owner, view, put } = table(8);
  for (let number = 1; number <= flows; number++) owner(number);
  const stop = sharedInt32(1);
  const worker = new Worker(new URL('./gate-reader.ts', import.meta.url), { workerData: { view, flows, stop } });
  await once(worker, 'message');
  const words = Array.from({ length: flows }, (_, number) => flow({ sourcePort: 1 + number }));
  const entries: number[] = [];
  for (let turn = 0; turn < 300_000; turn++) {
    const number = (turn * 7) % flows;
    const known = words[number] ?? FLOW;
    if (pit.find(known) >= 0) continue;
    const oldest = entries.length === 8 ? entries.shift() : undefined;
    if (oldest !== undefined) pit.remove(oldest, 'closed', NOW);
    const entry = put(known, { owner: number + 1 });
    entries.push(entry);
    pit.count(entry << 1, 1, 1, 0, NOW);
    pit.openGates(() => true);
  }
  Atomics.store(stop, 0, 1);
  const [{ found, wrong }] = await once(worker, 'message');
  expect(found).toBeGreaterThan(1_000);
  expect(wrong).toBe(0);
});
