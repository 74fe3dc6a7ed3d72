import { it } from 'vitest';
import { until } from '../../src/cli/lab/until.ts';
import { atHome, withGuide } from './guide-lab.ts';

const MACHINES = { server: '192.0.2.1', laptop: '192.0.2.10', desk: '192.0.2.11', vault: '192.0.2.20' };

it(
  'tuning; a server that nobody may touch; key rollover',
  () =>
    withGuide(MACHINES, async (guide) => {
      await atHome(guide, 'laptop', 'desk');
      await guide.type('server', 'sudo gscip admin group add lab');
      for (const name of ['laptop', 'desk']) await guide.type('server', `sudo gscip admin group admit lab ${name}`);
      await guide.follow('docs/guide/tuning.md', {
        machine: 'laptop',
        steps: [
          { command: 'sudo gscip ping desk -c 20', shows: /20 sent, 0 lost/ },
          { command: "ss -lunm 'sport = :47247'", shows: /rb14680064.*\bd0\b/ },
          { command: 'nstat -asz UdpRcvbufErrors UdpSndbufErrors', shows: /UdpRcvbufErrors +0/ },
          { command: 'ip -s link show gscip0', shows: /qlen 5000/ },
          {
            command: 'iperf3 -c desk',
            before: async () => {
              guide.machine('laptop').addProgram('iperf3', 'exec /usr/bin/iperf3 "$@" --time 1 --bitrate 20M');
              const listening = guide.machine('desk').start('iperf3 -s --forceflush');
              await until('iperf3 to listen', () => listening.stdout().includes('listening'));
            },
          },
        ],
      });
      await guide.follow('docs/guide/untouchable-server.md', {
        words: { '100.64.0.4': /"(100\.\d+\.\d+\.\d+)[^}]*"interface"/ },
        steps: [
          {
            command: 'sudo gscip admin group admit vault laptop',
            before: async () => {
              await guide.type('vault', 'sudo gscip up --join TOKEN');
              guide.machine('laptop').addProgram('ssh', 'exec ping -c 1 -W 5 "$1"');
            },
          },
          { command: 'sudo gscip ping vault', soon: true },
          { command: 'sudo gscip explain laptop vault tcp 22', shows: /Result: encrypt/ },
          {
            command: 'sudo gscip status',
            soon: true,
            shows: /clear text +none: the lock lets only members through/,
            after: () => guide.type('vault', 'sudo gscip status --json'),
          },
          { command: 'sudo gscip explain 198.51.100.7 vault tcp 22', shows: /discard \(rule 4, no-element\)/ },
          { command: 'sudo gscip explain desk 100.64.0.4 tcp 22', shows: /discard \(rule 4, no-common-group\)/ },
        ],
        elsewhere: [
          {
            command: 'sudo gscip service install --join token.txt',
            test: 'test/package/machine.test.ts',
            as: "box.run('gscip', 'service', 'install', '--join', '/srv/token')",
          },
        ],
      });
      await guide.follow('docs/guide/key-rollover.md', {
        steps: [
          {
            command: 'gscip authority group roll ~/net lab --activate-in 2h',
            machine: 'laptop',
            before: async () => {
              await guide.type('laptop', 'gscip authority init ~/net --network home');
              await guide.type('laptop', 'gscip authority group add ~/net lab');
            },
          },
          { command: 'sudo gscip key reload', machine: 'laptop' },
        ],
      });
    }),
  120_000,
);
