import { describe, expect, it } from 'vitest';
import type { PitEventAnswer } from '../../src/api/pit.ts';
import type { ControlReply } from '../../src/node/control-socket.ts';
import { PitWatchers } from '../../src/node/pit-watchers.ts';
import { numbered } from './packets.ts';
import { pair } from './world.ts';

/** A client whose speed the test sets. */
class Reader {
  readonly heard: PitEventAnswer[] = [];
  waiting = 0;
  dropped = false;
  ended = false;
  readonly reply: ControlReply;
  #drained: () => void = () => undefined;
  #gone: (() => void)[] = [];

  constructor() {
    const drained = () =>
      new Promise<void>((resolve) => {
        this.#drained = resolve;
      });
    const self = this;
    this.reply = {
      closed: new Promise(() => undefined),
      send: (answer) => void this.heard.push(JSON.parse(JSON.stringify(answer))),
      get waiting() {
        return self.waiting;
      },
      drained,
      drop: () => {
        this.dropped = true;
      },
      end: () => {
        this.ended = true;
      },
      onClose: (listener) => void this.#gone.push(listener),
    };
  }

  async keepUp(): Promise<void> {
    this.waiting = 0;
    this.#drained();
    await settled();
  }

  leave(): void {
    for (const listener of this.#gone) listener();
  }

  events(): string[] {
    return this.heard.map((each) => ('entry' in each ? `${each.event} ${each.entry.sourcePort}` : each.event));
  }
}

/** Everything that was due in this turn of the loop is done. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 5; turn++) await new Promise<void>((resolve) => setImmediate(resolve));
}

function watched() {
  const { world, a, b } = pair();
  const watchers = new PitWatchers(a.engine, () => world.now);
  const talk = (...ports: readonly number[]) => {
    world.send(a, ...ports.map((port, n) => numbered(a, b, n, port)));
    world.run(100);
  };
  const flush = () => a.engine.flush(false, world.now);
  return { a, watchers, talk, flush, reader: new Reader() };
}

describe('a client that follows the PIT', () => {
  it('hears of each flow as it comes, is agreed and goes, with whose addresses they are', () => {
    const { watchers, talk, flush, reader } = watched();
    void watchers.add(reader.reply, false);
    talk(5000);
    flush();
    expect(reader.events()).toEqual(['created 5000', 'confirmed 5000', 'closed 5000']);
    expect(reader.heard[1]).toMatchObject({
      entry: { sourceNode: 'a', destinationNode: 'b', group: 'office', state: 'confirmed' },
    });
    expect(reader.heard[2]).toMatchObject({ cause: 'flushed', entry: { forward: { packets: 1 } } });
  });

  it('is told first of the flows that there are, if it asks, and of none twice', async () => {
    const { watchers, talk, reader } = watched();
    talk(5000, 5001);
    const other = new Reader();
    void watchers.add(reader.reply, true);
    void watchers.add(other.reply, false);
    // comes while the first is being told
    talk(5002);
    await settled();
    expect(reader.events().sort()).toEqual(['confirmed 5002', 'created 5002', 'open 5000', 'open 5001']);
    expect(other.events()).toEqual(['created 5002', 'confirmed 5002']);
  });

  it('is told of the flows that there are no faster than it reads, and not again of those that come meanwhile', async () => {
    const { watchers, talk, reader } = watched();
    talk(5000, 5001, 5002);
    reader.waiting = 1 << 20;
    void watchers.add(reader.reply, true);
    await settled();
    expect(reader.events()).toEqual(['open 5000']);
    talk(5003);
    await reader.keepUp();
    const told = ['confirmed 5003', 'created 5003', 'open 5000', 'open 5001', 'open 5002'];
    expect(reader.events().sort()).toEqual(told);
  });

  it('is told how much it missed as soon as it keeps up again', async () => {
    const { watchers, talk, reader } = watched();
    void watchers.add(reader.reply, false);
    reader.waiting = 2 << 20;
    talk(5000, 5001);
    expect(reader.heard).toEqual([]);
    await reader.keepUp();
    expect(reader.heard).toMatchObject([{ event: 'missed', missed: 4 }]);
    talk(5002);
    expect(reader.events()).toEqual(['missed', 'created 5002', 'confirmed 5002']);
  });

  it('is dropped when it takes nothing any more', () => {
    const { watchers, talk, flush, reader } = watched();
    void watchers.add(reader.reply, false);
    reader.waiting = 2 << 20;
    for (let round = 0; round < 40 && !reader.dropped; round++) {
      talk(...Array.from({ length: 100 }, (_, n) => 5000 + n));
      flush();
    }
    expect(reader.dropped).toBe(true);
    expect(reader.heard).toEqual([]);
  });

  it('hears that the agent stops, and of what it missed before', () => {
    const { watchers, talk, reader } = watched();
    void watchers.add(reader.reply, false);
    reader.waiting = 2 << 20;
    talk(5000);
    watchers.stop();
    expect(reader.heard).toMatchObject([
      { event: 'missed', missed: 2 },
      { event: 'end', cause: 'agent-stopped' },
    ]);
    expect(reader.ended).toBe(true);
  });

  it('hears nothing after it has gone, and then nothing is described', () => {
    const { a, watchers, talk, reader } = watched();
    void watchers.add(reader.reply, false);
    reader.leave();
    talk(5000);
    expect(reader.heard).toEqual([]);
    expect(a.engine.node.pit.entries.live).toBe(1);
  });
});
