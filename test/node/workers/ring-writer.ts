// Program of a thread for a test: writes records of changing length as fast as they fit, each filled with its number.
import { workerData } from 'node:worker_threads';
import { type RingMemory, RingWriter } from '../../../src/node/workers/ring.ts';

const { memory, count }: { readonly memory: RingMemory; readonly count: number } = workerData;
const ring = new RingWriter(memory);
for (let number = 1; number <= count; ) {
  const length = 4 * (1 + ((number * 7919) % 200));
  const place = ring.place(length);
  if (place < 0) continue;
  ring.words.fill(number, place >> 2, (place + length) >> 2);
  ring.push(1 + (number % 3), length);
  // some are published together
  if (number % 4 !== 1) ring.publish();
  number++;
}
ring.publish();
