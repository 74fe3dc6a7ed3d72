import { describe, expect, it } from 'vitest';
import type { CaptureAnswer } from '../../src/api/questions.ts';
import { parseFlow } from '../../src/base/flow.ts';
import { Capture } from '../../src/node/capture.ts';
import type { ControlReply } from '../../src/node/control-socket.ts';
import type { PacketPolicy } from '../../src/node/packet-io.ts';
import { openGates } from '../../src/node/workers/shared-node.ts';
import { PitReader } from '../../src/pit/pit-reader.ts';
import { numbered } from './packets.ts';
import { type SimNode, World } from './world.ts';

/** Three nodes; what a captures of its packets, with the client that reads it. */
function captured() {
  const world = new World('capture');
  world.authority.group('office');
  for (const name of ['a', 'b', 'c']) world.authority.add(name, ['office']);
  const [a, b, c] = ['a', 'b', 'c'].map((name, at) =>
    world.node(name, `10.0.0.${at + 1}:47247`, { settings: { hasWorkers: true } }),
  );
  for (const other of [b, c]) world.send(a, numbered(a, other, 0));
  world.run(200);
  for (const other of [b, c]) world.send(other, numbered(other, a, 0));
  world.run(200);
  const { engine } = a;
  const capture = new Capture(engine);
  const [outgoing, incoming] = [engine.handleOutgoing.bind(engine), engine.handleIncoming.bind(engine)];
  const plain: PacketPolicy = {
    node: engine.node,
    frames: (_, __, count) => count,
    outgoing: (arena, view, packets, count) => outgoing(arena, view, packets, count, world.now),
    incoming: (...batch) => incoming(...batch, world.now),
    afterBatch: () => undefined,
  };
  const policy = capture.policy(plain);
  const through: PacketPolicy = { ...plain };
  Object.assign(engine, {
    handleOutgoing: (...batch: Parameters<PacketPolicy['outgoing']>) => policy.outgoing(...batch),
    handleIncoming: (...batch: Parameters<PacketPolicy['incoming']>) => policy.incoming(...batch),
  });
  const heard: CaptureAnswer[] = [];
  let [ended, waiting] = [false, 0];
  const gone: (() => void)[] = [];
  const reply: ControlReply = {
    closed: new Promise(() => undefined),
    send: (answer) => void heard.push(JSON.parse(JSON.stringify(answer))),
    get waiting() {
      return waiting;
    },
    drained: () => Promise.resolve(),
    drop: () => undefined,
    end: () => {
      ended = true;
    },
    onClose: (listener) => void gone.push(listener),
  };
  const begin = (peer: SimNode, bytes = 1 << 20) => void capture.begin(peer.keys.self().id, bytes, reply);
  const talk = (number: number) => {
    world.send(a, numbered(a, b, number), numbered(a, c, number));
    world.send(b, numbered(b, a, number));
    world.send(c, numbered(c, a, number));
    world.run(50);
  };
  const open = (number: number) => {
    for (const other of [b, c]) world.send(a, numbered(a, other, number, 6_000));
    world.run(50);
  };
  const isPlain = () => policy.outgoing === through.outgoing && policy.incoming === through.incoming;
  return {
    ...{ a, b, c, capture, heard, begin, talk, open, isPlain },
    leave: () => {
      for (const each of gone) each();
    },
    slow: (bytes: number) => {
      waiting = bytes;
    },
    isEnded: () => ended,
  };
}

/** What was told, as it was sent: direction and bytes. */
const packets = (heard: readonly CaptureAnswer[]) =>
  heard.flatMap((each) => ('bytes' in each ? [`${each.direction} ${each.bytes}`] : []));
const told = (direction: string, packet: Uint8Array) => `${direction} ${Buffer.from(packet).toString('base64')}`;

describe('a capture of one peer', () => {
  it('holds its decrypted packets in both directions, and those of nobody else', () => {
    const { a, b, begin, talk, heard } = captured();
    begin(b);
    talk(1);
    talk(2);
    const expected = [1, 2].flatMap((number) => [
      told('out', numbered(a, b, number)),
      told('in', numbered(b, a, number)),
    ]);
    expect(packets(heard).sort()).toEqual(expected.sort());
  });

  it('costs the packet path nothing before it begins and after it has ended: the very same functions are called', () => {
    const { b, capture, begin, talk, heard, isPlain, isEnded } = captured();
    expect(isPlain()).toBe(true);
    begin(b);
    expect([isPlain(), capture.isRunning]).toEqual([false, true]);
    capture.end('time');
    expect([isPlain(), capture.isRunning, isEnded()]).toEqual([true, false, true]);
    talk(1);
    expect(heard).toEqual([{ schema: 1, end: 'time', missed: 0 }]);
  });

  it('ends when its reader goes, and when as much as was asked for is told', () => {
    const gone = captured();
    gone.begin(gone.b);
    gone.leave();
    expect(gone.isPlain()).toBe(true);
    const full = captured();
    full.begin(full.b, 100);
    for (const number of [1, 2, 3]) full.talk(number);
    expect(packets(full.heard)).toHaveLength(2);
    expect(full.heard.at(-1)).toEqual({ schema: 1, end: 'size', missed: 0 });
  });

  it('holds the packet that opens a flow, which leaves behind its MPIT', () => {
    const { a, b, begin, open, heard } = captured();
    begin(b);
    open(1);
    expect(packets(heard)).toEqual([told('out', numbered(a, b, 1, 6_000))]);
  });

  it('leaves workers nothing to move by themselves until it is over', () => {
    const { a, b, begin, talk, capture } = captured();
    const { pit, flow } = a.engine.node;
    const { view } = pit;
    if (view === undefined) throw new Error('a node with workers has a view of its table');
    const mayPass = () => {
      talk(1);
      openGates(a.engine.node);
      const packet = numbered(a, b, 1);
      parseFlow(new DataView(packet.buffer), 0, packet.length, flow);
      return new PitReader(view).find(flow) >= 0;
    };
    expect(mayPass()).toBe(true);
    begin(b);
    expect(mayPass()).toBe(false);
    capture.end('time');
    expect(mayPass()).toBe(true);
  });

  it('counts what a slow reader misses instead of keeping it', () => {
    const { b, begin, talk, heard, slow, capture } = captured();
    begin(b);
    slow(1 << 30);
    talk(1);
    slow(0);
    capture.end('time');
    expect(heard).toEqual([{ schema: 1, end: 'time', missed: 2 }]);
  });
});
