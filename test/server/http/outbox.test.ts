import { describe, expect, it } from 'vitest';
import { millis } from '../../../src/base/brands.ts';
import { concat } from '../../../src/base/bytes.ts';
import { Backlogs, STALLED_AFTER } from '../../../src/server/http/backlogs.ts';
import { Outbox } from '../../../src/server/http/outbox.ts';

/** A connection that takes a piece when it is told to. */
function slow() {
  const written: { readonly piece: Uint8Array; readonly isLast: boolean }[] = [];
  const pending: ((error?: Error) => void)[] = [];
  let left = 0;
  const outbox = new Outbox(
    (piece, isLast, done) => {
      written.push({ piece: piece.slice(), isLast });
      pending.push(done);
    },
    (bytes) => {
      left += bytes;
    },
  );
  const take = (error?: Error) => pending.shift()?.(error);
  return { outbox, written, pending, take, left: () => left };
}

const frame = (length: number, fill: number) => new Uint8Array(length).fill(fill);

describe('what goes out over a connection', () => {
  it('leaves in pieces below 16 KiB, the next when one has left, frames in their order and whole', () => {
    const { outbox, written, pending, take, left } = slow();
    const frames = [frame(65_535, 1), frame(0, 2), frame(16_000, 3), frame(20, 4)];
    for (const each of frames) outbox.push(each);
    while (pending.length > 0) {
      expect(pending.length).toBe(1);
      take();
    }
    expect(left()).toBe(65_535 + 16_000 + 20);
    expect(Math.max(...written.map(({ piece }) => piece.length))).toBeLessThan(16_384);
    const whole: Uint8Array[] = [];
    const parts: Uint8Array[] = [];
    for (const { piece, isLast } of written) {
      parts.push(piece);
      if (isLast) whole.push(concat(...parts.splice(0)));
    }
    expect(whole).toEqual(frames);
  });

  it('ends when everything has left, at once when nothing waits, and when the connection is gone', () => {
    let ends = 0;
    const end = () => {
      ends += 1;
    };
    slow().outbox.end(end);
    expect(ends).toBe(1);
    const all = slow();
    all.outbox.push(frame(20_000, 1));
    all.outbox.end(end);
    all.take();
    expect(ends).toBe(1);
    all.take();
    expect(ends).toBe(2);
    const gone = slow();
    gone.outbox.push(frame(50_000, 1));
    gone.outbox.push(frame(1, 1));
    gone.outbox.end(end);
    gone.take(new Error('gone'));
    expect([ends, gone.written.length, gone.pending.length]).toEqual([3, 1, 0]);
  });
});

describe('what waits for receivers', () => {
  it('is bounded for one, and for all of them holds back what is large', () => {
    const backlogs = new Backlogs<number>();
    expect(backlogs.hasRoom(1, 20 << 20)).toBe(true);
    expect(backlogs.hasRoom(1, (20 << 20) + 1)).toBe(false);
    for (let id = 0; id < 16; id++) {
      expect(backlogs.isFull).toBe(false);
      backlogs.add(id, 1 << 20, millis(0));
    }
    expect(backlogs.isFull).toBe(true);
    backlogs.remove(3, 1, millis(0));
    expect(backlogs.isFull).toBe(false);
    backlogs.add(3, 1, millis(0));
    backlogs.forget(4);
    expect(backlogs.isFull).toBe(false);
    backlogs.forget(4);
    backlogs.remove(4, 5, millis(0));
    backlogs.add(5, (1 << 20) - 1, millis(0));
    expect(backlogs.isFull).toBe(false);
    backlogs.add(5, 1, millis(0));
    expect(backlogs.isFull).toBe(true);
  });

  it('is given up when nothing of it left for 20 s, and not while it does', () => {
    const backlogs = new Backlogs<string>();
    backlogs.add('slow', 100, millis(0));
    backlogs.add('stalled', 100, millis(0));
    backlogs.remove('slow', 1, millis(15_000));
    backlogs.add('stalled', 100, millis(15_000));
    backlogs.add('done', 5, millis(0));
    backlogs.remove('done', 5, millis(15_000));
    expect(backlogs.stalled(millis(STALLED_AFTER - 1))).toEqual([]);
    expect(backlogs.stalled(millis(STALLED_AFTER))).toEqual(['stalled']);
    expect([backlogs.isBehind('slow'), backlogs.isBehind('done')]).toEqual([true, false]);
  });
});
