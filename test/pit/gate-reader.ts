// Program of a thread for a test: looks flows up in a table that changes, and counts what it found and what was another's.
import { parentPort, workerData } from 'node:worker_threads';
import { PitReader, type PitView } from '../../src/pit/pit-reader.ts';
import { flow } from './table-kit.ts';

interface Task {
  readonly view: PitView;
  readonly flows: number;
  /** not 0: the end */
  readonly stop: Int32Array;
}

const { view, flows, stop }: Task = workerData;
const reader = new PitReader(view);
const asked = Array.from({ length: flows }, (_, number) => flow({ sourcePort: 1 + number }));
let [found, wrong] = [0, 0];
parentPort?.postMessage('begun');
while (Atomics.load(stop, 0) === 0)
  for (const [number, words] of asked.entries()) {
    if (reader.find(words) < 0) continue;
    found++;
    // the owner of flow n is n + 1, whichever entry it has
    if (reader.owner !== number + 1) wrong++;
  }
parentPort?.postMessage({ found, wrong });
