import { mkdirSync, readdirSync } from 'node:fs';
import { expect, it } from 'vitest';
import { readText } from '../rules/repository.ts';
import { atHome, withGuide } from './guide-lab.ts';
import { blockOf } from './guide-page.ts';

const SERVER = '192.0.2.1';

it(
  'names, monitoring, support, settings and modes of a node',
  () =>
    withGuide({ server: SERVER, laptop: '192.0.2.10', bob: '192.0.2.7' }, async (guide) => {
      await atHome(guide, 'bob');
      await guide.type('laptop', 'sudo gscip up --join TOKEN');
      const laptop = guide.machine('laptop');
      const again = () => guide.type('laptop', 'sudo gscip up');
      await guide.type('laptop', 'ping -c 1 bob', { soon: true });

      await guide.follow('docs/guide/names.md', {
        machine: 'laptop',
        steps: [
          { command: 'sudo gscip dns status', shows: /home\.gscip/ },
          { command: 'sudo gscip dns query bob', shows: /100\.64\./ },
          { command: 'sudo gscip dns query 100.64.0.2', shows: /bob\.home\.gscip/ },
          { command: 'sudo gscip down', shows: /taken away/, before: () => guide.crash('laptop') },
          {
            command: 'sudo gscip dns undo',
            before: async () => {
              await again();
              await guide.crash('laptop');
              expect(laptop.read('/etc/hosts')).toContain('bob');
            },
          },
        ],
        elsewhere: [{ command: 'ssh bob', test: 'test/e2e/names.test.ts', as: "found(a, files, 'ahostsv4', 'b')" }],
      });
      expect(laptop.read('/etc/hosts')).not.toContain('bob');
      await again();

      await guide.follow('docs/guide/monitoring.md', {
        machine: 'laptop',
        words: { '100.64.0.7': '100.64.0.3' },
        steps: [
          { command: 'sudo gscip metrics', shows: /^gscip_peers\{path="direct"\} /m },
          {
            command: 'sudo gscip status --check',
            soon: true,
            // as the package of node_exporter does
            after: () => void mkdirSync(laptop.path('/var/lib/prometheus/node-exporter'), { recursive: true }),
          },
        ],
      });
      await guide.follow('docs/guide/support.md', {
        machine: 'server',
        steps: [
          { command: 'sudo gscip debug bundle', shows: /gscip-debug-.*\.tar\.gz/ },
          {
            command: 'sudo gscip debug capture laptop --seconds 10',
            answers: 'y\n',
            shows: /\.pcapng: [1-9]\d* packets \(ended here\)/,
            endless: true,
            enough: () => readdirSync(guide.machine('server').path('.')).some((file) => file.endsWith('.pcapng')),
            before: () => void laptop.start('ping -i 0.1 -c 50 server'),
          },
        ],
      });
      await guide.follow('docs/guide/node-settings.md', {
        machine: 'laptop',
        steps: [
          { command: 'sudo gscip get', shows: /mtu/ },
          {
            command: 'gscip config check /etc/gscip.toml',
            before: () => laptop.write('/etc/gscip.toml', blockOf(readText('docs/guide/node-settings.md'), 'toml')),
          },
          { command: 'sudo gscip whois 100.64.0.2', shows: /bob/ },
          { command: 'sudo gscip whois 192.0.2.7:47247', shows: /bob/ },
        ],
      });
      const close = () => guide.type('server', 'sudo gscip admin node set laptop --mode cl');
      await guide.follow('docs/guide/modes.md', {
        machine: 'laptop',
        steps: [
          { command: 'sudo gscip status', shows: /clear text +none/, soon: true, before: close },
          { command: 'sudo gscip lock status', shows: /^Closed: /m },
          { command: 'sudo nft list table inet gscip_lock_gscip0', shows: /table inet gscip_lock_gscip0/ },
          { command: 'sudo nft -f /var/lib/gscip/lock.nft', before: again },
        ],
      });
    }),
  180_000,
);

it(
  'a machine of its own: packages, services, the count of settings',
  () =>
    withGuide({ laptop: '192.0.2.10', server: SERVER }, async (guide) => {
      await guide.follow('docs/guide/packages.md', {
        machine: 'laptop',
        steps: [{ command: 'gscip completion bash >~/.local/share/bash-completion/completions/gscip' }],
        elsewhere: [
          { command: 'npm run package', test: 'scripts/test-package.sh', as: 'scripts/package.sh' },
          { command: 'sh scripts/package.sh --arch arm64', test: 'scripts/test-package.sh', as: '--arch arm64' },
          {
            command: 'sudo apt-get install ./gscip_0.1.0_amd64.deb',
            test: 'test/package/machine.test.ts',
            as: "'apt-get', 'install', '-y', '-q', '--no-install-recommends', here(packages.now)",
          },
          {
            command: 'sudo gscip service install --join token.txt',
            test: 'test/package/machine.test.ts',
            as: "'gscip', 'service', 'install', '--join', '/srv/token'",
          },
          {
            command:
              'podman build -t gscip --build-arg PACKAGE=build/gscip_0.1.0_amd64.deb -f packaging/container/Containerfile .',
            test: 'test/package/container.test.ts',
            as: 'packaging/container/Containerfile',
          },
          {
            command:
              'podman run -d --name vpn --cap-add NET_ADMIN,NET_RAW --device /dev/net/tun -v gscip:/var/lib/gscip gscip up --join TOKEN',
            test: 'test/package/container.test.ts',
            as: 'starts the node by itself',
          },
        ],
      });

      // in place of systemd: what it would be asked is written down; the real one is asked by test/package/machine.test.ts
      for (const name of ['laptop', 'server']) {
        guide.machine(name).addProgram('systemctl', 'echo "$@" >>/var/log/systemctl; echo ActiveState=active');
        mkdirSync(guide.machine(name).path('/run/systemd/system'), { recursive: true });
      }
      const laptop = guide.machine('laptop');
      await guide.follow('docs/guide/service.md', {
        machine: 'laptop',
        steps: [
          {
            command: 'sudo ./gscip service install --join token.txt',
            shows: /wrote \/etc\/systemd\/system\/gscip\.service/,
            before: () => laptop.write('token.txt', `gsj1.${'A'.repeat(60)}\n`),
            after: () => expect(laptop.read('/var/log/systemctl')).toContain('enable gscip-lock.service gscip.service'),
          },
          { command: './gscip service status', shows: /gscip\.service .*active/ },
          {
            command: 'sudo ./gscip service uninstall',
            after: () => expect(laptop.read('/var/log/systemctl')).toContain('disable --now'),
          },
        ],
      });

      await guide.follow('docs/guide/settings.md', {
        elsewhere: [
          {
            command: 'node_modules/.bin/node bench/items.ts',
            test: 'test/bench/items.test.ts',
            as: 'is what stands in the page',
          },
        ],
      });
    }),
  180_000,
);
