// Loaded into an agent by a test: its workers end with an error once the file that the environment names is there.
import { existsSync } from 'node:fs';
import { isMainThread } from 'node:worker_threads';

if (!isMainThread)
  setInterval(() => {
    if (existsSync(process.env['TEST_KILL_WORKERS'] ?? '')) throw new Error('killed by a test');
  }, 20);
