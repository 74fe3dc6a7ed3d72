import { mkdirSync } from 'node:fs';
import { it } from 'vitest';
import { withGuide } from './guide-lab.ts';

const MACHINES = {
  server: '192.0.2.1',
  laptop: '192.0.2.10',
  desk: '192.0.2.11',
  phone: '192.0.2.12',
  office: '192.0.2.20',
  fresh: '192.0.2.21',
  paris: '192.0.2.30',
};

it(
  'a network with a server',
  () =>
    withGuide(MACHINES, (guide) =>
      guide.follow('docs/guide/server.md', {
        machine: 'server',
        words: {
          'gsj1.…@192.0.2.1:47247': /(gsj1\.\S+)/,
          'gsr1.…@vpn.example.net:47247': /(gsr1\.\S+)/,
          PIN: /TLS key (\S+)/,
          KEY: /(gsa1\.\S+)/,
        },
        steps: [
          { command: 'sudo ./gscip up --join gsj1.…@192.0.2.1:47247', machine: 'laptop' },
          {
            command: 'sudo ./gscip up --join token.txt',
            machine: 'desk',
            before: () => guide.machine('desk').write('token.txt', guide.printed(/(gsj1\.\S+)/)),
          },
          {
            command: 'pbpaste | sudo ./gscip up --join -',
            machine: 'phone',
            before: () => guide.machine('phone').addProgram('pbpaste', `echo ${guide.printed(/(gsj1\.\S+)/)}`),
          },
          { command: 'sudo ./gscip admin node list', shows: /^laptop [\s\S]*^desk [\s\S]*^phone /m },
          { command: 'sudo ./gscip admin group list', shows: /^lab /m },
          { command: 'sudo ./gscip server --state /var/lib/gscip-server --network office', machine: 'office' },
          {
            command: 'sudo ./gscip admin administrator add bob --role group-administrator --groups lab',
            shows: /gsa1/,
          },
          {
            command:
              "curl --pinnedpubkey sha256//PIN -k -H 'Authorization: Bearer KEY' https://192.0.2.1:47247/api/1/nodes",
            machine: 'desk',
            shows: /"nodes":\[/,
            before: () => guide.type('server', 'sudo gscip admin status'),
          },
          {
            command: 'sudo cp /var/lib/gscip/server/server.key /media/stick/',
            before: () => void mkdirSync(guide.machine('server').path('/media/stick')),
          },
          { command: 'sudo install -d -m 700 /var/lib/gscip-server', machine: 'fresh' },
          {
            command: 'sudo install -m 600 server.key /var/lib/gscip-server/',
            machine: 'fresh',
            before: () => guide.machine('fresh').bring(guide.machine('server'), '/media/stick/server.key'),
          },
          {
            command: 'sudo ./gscip admin backup restore home.backup --state /var/lib/gscip-server',
            machine: 'fresh',
            before: () => guide.machine('fresh').bring(guide.machine('server'), '/var/backups/home.backup'),
          },
          { command: 'sudo ./gscip server --state /var/lib/gscip-server', machine: 'fresh' },
          { command: 'sudo ./gscip server --advertise vpn.example.net:47247,203.0.113.9:47247', machine: 'office' },
          { command: 'sudo ./gscip server --roles relay --relay-token gsr1.…@vpn.example.net:47247', machine: 'paris' },
          { command: 'sudo ./gscip admin relay list', shows: /^paris +yes/m, soon: true },
        ],
        elsewhere: [
          {
            command: 'gscip server --state ./one --network office --database postgres://gscip@db.example/gscip',
            test: 'test/e2e/several-servers.test.ts',
            as: "'--database', postgres.newDatabase()",
          },
          {
            command:
              'gscip server --state ./two --database postgres://gscip@db.example/gscip --key-file ./one/server.key',
            test: 'test/e2e/several-servers.test.ts',
            as: "'--key-file'",
          },
        ],
      }),
    ),
  180_000,
);
