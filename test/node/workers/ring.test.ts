import { Worker } from 'node:worker_threads';
import { describe, expect, it } from 'vitest';
import { RingReader, RingWriter, ringMemory } from '../../../src/node/workers/ring.ts';

const SIZE = 1_024;

function ring() {
  const memory = ringMemory(SIZE);
  return { writer: new RingWriter(memory), reader: new RingReader(memory) };
}

function write(writer: RingWriter, length: number, value: number): boolean {
  const place = writer.place(length);
  if (place < 0) return false;
  writer.bytes.fill(value, place, place + length);
  writer.push(1, length);
  return true;
}

describe('the ring of a worker', () => {
  it('gives records in their order and whole, round after round', () => {
    const { writer, reader } = ring();
    for (let number = 0; number < 500; number++) {
      const length = 1 + ((number * 37) % 300);
      expect(write(writer, length, number & 0xff)).toBe(true);
      writer.publish();
      expect(reader.peek()).toBe(1);
      const at = reader.take();
      expect(reader.bytes.subarray(at, at + length).every((byte) => byte === (number & 0xff))).toBe(true);
      reader.release();
    }
    expect(reader.peek()).toBe(0);
  });

  it('shows nothing before it is published', () => {
    const { writer, reader } = ring();
    write(writer, 8, 1);
    expect(reader.peek()).toBe(0);
    writer.publish();
    expect(reader.peek()).toBe(1);
  });

  it('takes no more than fits, and overwrites nothing that is still in use', () => {
    const { writer, reader } = ring();
    let written = 0;
    while (write(writer, 100, ++written)) expect(written).toBeLessThan(20);
    writer.publish();
    for (let number = 1; number < written; number++) {
      reader.peek();
      const at = reader.take();
      expect(reader.bytes[at]).toBe(number);
      expect(reader.bytes[at + 99]).toBe(number);
    }
    expect(write(writer, 100, 99)).toBe(false);
    reader.release();
    expect(write(writer, 100, 99)).toBe(true);
  });

  it('tells that something was used up only after it was released', () => {
    const { writer, reader } = ring();
    write(writer, 8, 1);
    const { mark } = writer;
    writer.publish();
    reader.peek();
    reader.take();
    expect(writer.isUsed(mark)).toBe(false);
    reader.release();
    expect(writer.isUsed(mark)).toBe(true);
  });

  it('asks for one wake-up until the reader has looked', () => {
    const { writer, reader } = ring();
    const publish = () => {
      write(writer, 8, 1);
      return writer.publish();
    };
    expect(writer.publish()).toBe(false);
    expect([publish(), publish()]).toEqual([true, false]);
    reader.handleWake();
    expect(publish()).toBe(true);
  });

  it('carries a hundred thousand records between two threads, none torn', async () => {
    const count = 100_000;
    const memory = ringMemory(16_384);
    const reader = new RingReader(memory);
    const worker = new Worker(new URL('./ring-writer.ts', import.meta.url), { workerData: { memory, count } });
    const failed = new Promise((_, reject) => worker.once('error', reject));
    let torn = 0;
    let next = 1;
    while (next <= count) {
      for (let kind = reader.peek(); kind !== 0; kind = reader.peek()) {
        const at = reader.take() >> 2;
        const words = 1 + ((next * 7919) % 200);
        if (kind !== 1 + (next % 3)) torn++;
        for (let word = 0; word < words; word++) if (reader.words[at + word] !== next) torn++;
        next++;
        reader.release();
      }
      await Promise.race([new Promise((done) => setImmediate(done)), failed]);
    }
    expect(torn).toBe(0);
    await worker.terminate();
  });
});
