import { expect, it } from 'vitest';
import { until } from '../../src/cli/lab/until.ts';
import { atHome, withGuide } from './guide-lab.ts';

const PACKAGE = 'test/package/machine.test.ts';

it(
  'a first network in ten minutes',
  () =>
    withGuide({ hub: '192.0.2.1', laptop: '192.0.2.10', desk: '192.0.2.11' }, (guide) =>
      guide.follow('docs/guide/first-network.md', {
        machine: 'desk',
        steps: [
          { command: 'sudo gscip status', shows: /laptop \(ges, op\) in home[\s\S]*\bdesk\b/, soon: true },
          { command: 'ping -c 2 desk', shows: / 0% packet loss/, soon: true },
          { command: 'ping -c 2 desk.home.gscip', shows: / 0% packet loss/ },
          { command: 'sudo gscip ping desk', shows: /answer from desk .* by direct 192\.0\.2\.11:47247/ },
          { command: 'sudo gscip admin node list', shows: /^hub[\s\S]*^laptop .*connected[\s\S]*^desk .*connected/m },
          { command: 'sudo gscip admin token list', shows: /2 of 5 +laptop, desk/ },
        ],
        elsewhere: [
          {
            command: 'sudo apt-get install ./gscip_0.1.0_amd64.deb',
            test: PACKAGE,
            as: "'apt-get', 'install', '-y', '-q', '--no-install-recommends', here(packages.now)",
          },
          { command: 'sudo gscip service install', test: PACKAGE, as: "'gscip', 'service', 'install')" },
        ],
      }),
    ),
  180_000,
);

it(
  'losing a laptop',
  () =>
    withGuide(
      { server: '192.0.2.1', laptop: '192.0.2.10', desk: '192.0.2.11', newcomer: '192.0.2.12', spare: '192.0.2.13' },
      async (guide) => {
        await atHome(guide, 'laptop', 'desk');
        await guide.type('desk', 'ping -c 1 laptop', { soon: true });
        let address = '';
        await guide.follow('docs/guide/losing-a-laptop.md', {
          machine: 'server',
          steps: [
            { command: 'sudo gscip admin node list', shows: /^desk .*connected/m },
            { command: 'sudo gscip admin node remove laptop', shows: /Removed laptop/ },
            { command: 'sudo gscip status', shows: /^server /m, lacks: /^laptop /m, soon: true },
            { command: 'sudo gscip admin key list --group home', shows: /removal/ },
            { command: 'sudo gscip admin audit list', shows: /remove/ },
            { command: 'sudo gscip admin token list', shows: /of 5/ },
            {
              command: 'sudo gscip up --join TOKEN',
              before: async () => {
                address =
                  /^desk +\S+ +\S+ \S+ +(\S+)/m.exec(
                    (await guide.machine('server').run('sudo gscip admin node list')).stdout,
                  )?.[1] ?? '';
              },
            },
            {
              command: 'sudo gscip ping desk',
              shows: /answer from desk .*192\.0\.2\.13/,
              soon: true,
              after: () => expect(guide.printed(/answer from desk \(([\d.]+)\)/)).toBe(address),
            },
          ],
        });
        await until('the old desk to be cut off', async () => {
          const { stdout } = await guide.machine('desk').run('sudo gscip status');
          return !/^server /m.test(stdout);
        });
      },
    ),
  180_000,
);
