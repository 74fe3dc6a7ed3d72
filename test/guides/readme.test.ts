import { rmSync } from 'node:fs';
import { it } from 'vitest';
import { withGuide } from './guide-lab.ts';

it(
  'the first page: with a server, and without one',
  () =>
    withGuide({ alice: '192.0.2.1', bob: '192.0.2.2' }, async (guide) => {
      const [alice, bob] = [guide.machine('alice'), guide.machine('bob')];
      /** The machines of the second network are others than those of the first. */
      const forget = () => {
        for (const each of [alice, bob]) rmSync(each.path('/var/lib/gscip'), { recursive: true });
        bob.bring(alice, 'bob.gscip');
      };
      await guide.follow('README.md', {
        machine: 'alice',
        steps: [
          { command: 'sudo ./gscip up --join TOKEN', machine: 'bob' },
          { command: 'sudo ./gscip status', shows: /^bob /m, soon: true },
          { command: 'sudo ./gscip ping bob', shows: /answer from bob/, soon: true },
          { command: 'ping bob', shows: /bytes from/, endless: true },
          { command: 'sudo ./gscip pit list', shows: /icmp6? .*bob/ },
          { command: 'sudo ./gscip explain alice bob tcp 22', shows: /Result: encrypt/ },
          {
            command: 'sudo ./gscip admin node remove bob',
            after: async () => {
              for (const name of ['alice', 'bob']) await guide.interrupt(name, 'up');
            },
          },
          { command: 'sudo ./gscip up --bundle ~/alice.gscip --peer bob=192.0.2.2:47247', before: forget },
          {
            command: 'sudo ./gscip up --bundle ~/bob.gscip',
            after: () => guide.type('alice', 'ping -c 1 bob', { soon: true }),
          },
        ],
        elsewhere: [
          { command: 'sudo ./gscip demo', test: 'test/e2e/demo.test.ts', as: "'demo', '--seconds', '4', '--json'" },
          { command: 'npm test', test: 'package.json', as: '"test": "sh scripts/test.sh"' },
          { command: 'npm run package', test: 'scripts/test-package.sh', as: 'scripts/package.sh' },
          {
            command: 'sudo apt-get install ./build/gscip_0.1.0_amd64.deb',
            test: 'test/package/machine.test.ts',
            as: "'apt-get', 'install', '-y', '-q', '--no-install-recommends', here(packages.now)",
          },
        ],
      });
    }),
  180_000,
);
