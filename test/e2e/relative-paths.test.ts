import { readFileSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { expect, it } from 'vitest';
import { GSCIP, withTwoNodes } from './two-nodes.ts';

it(
  'a node that was started with relative paths keeps whole ones, and comes back from anywhere',
  () =>
    withTwoNodes(async (nodes) => {
      const { a } = nodes;
      const typed = [a.bundle, a.state, a.socket].map((path) => basename(path));
      const words = ['--bundle', '--state', '--socket'].flatMap((option, at) => [option, typed[at]]);
      const inFolder = ['sh', '-c', 'cd "$0" && exec "$@"', dirname(a.state)];
      const first = a.namespace.start([...inFolder, ...GSCIP, 'up', ...words, '--tun', a.device]);
      await a.ready();
      const kept = readFileSync(`${a.state}/config.toml`, 'utf8');
      for (const path of [a.bundle, a.state, a.socket]) expect(kept).toContain(`"${path}"`);
      first.signal('SIGTERM');
      expect(await first.exited).toBe(0);
      const again = a.namespace.start(['sh', '-c', 'cd / && exec "$@"', 'sh', ...GSCIP, 'up', '--state', a.state]);
      await a.ready(); // on the same socket
      again.signal('SIGTERM');
      expect(await again.exited).toBe(0);
    }),
  60_000,
);
