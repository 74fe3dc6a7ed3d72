import { existsSync, statSync } from 'node:fs';
import { it } from 'vitest';
import type { Namespace } from '../../src/cli/lab/namespace.ts';
import { atHome, GuideLab } from './guide-lab.ts';

/**
 * server .1, laptop .10 and the router's wan .20 on one wire; behind the router two networks of plain machines, of which the guides show one each:
 *
 *   terminal [10.1.0.10, fd01::10, 192.168.1.20] ── [lan 10.1.0.1, fd01::1, 192.168.1.1] router [wan 192.0.2.20] ── wire
 */
async function withRouter(body: (guide: GuideLab) => Promise<void>): Promise<void> {
  const guide = new GuideLab();
  const { lab } = guide;
  try {
    const [server, laptop, router, terminal] = ['server', 'laptop', 'router', 'terminal'].map((name) =>
      lab.namespace(name),
    );
    if (!server || !laptop || !router || !terminal) throw new Error('four machines');
    const onWire = (namespace: Namespace, device: string, address: string) => ({
      namespace,
      device,
      addresses: [address],
    });
    lab.bridge('wire', [
      onWire(server, 'eth0', '192.0.2.1/24'),
      onWire(laptop, 'eth0', '192.0.2.10/24'),
      onWire(router, 'wan', '192.0.2.20/24'),
    ]);
    lab.link(
      { namespace: router, device: 'lan', addresses: ['10.1.0.1/24', 'fd01::1/64', '192.168.1.1/24'] },
      { namespace: terminal, device: 'eth0', addresses: ['10.1.0.10/24', 'fd01::10/64', '192.168.1.20/24'] },
    );
    terminal.route('default', '10.1.0.1');
    router.route('default', '192.0.2.1');
    await guide.add(server, laptop, router, terminal);
    await body(guide);
  } finally {
    await guide.close();
  }
}

it(
  'gateways; who may talk, and who talked',
  () =>
    withRouter(async (guide) => {
      await atHome(guide, 'laptop');
      await guide.type('server', 'sudo gscip admin group add lab');
      for (const name of ['laptop', 'server']) await guide.type('server', `sudo gscip admin group admit lab ${name}`);
      await guide.follow('docs/guide/gateways.md', {
        steps: [
          {
            command: 'sudo ./gscip status',
            shows: /inside +10\.1\.0\.0\/24 by lan; fd01::\/64 by lan[\s\S]*outside +wan/,
            soon: true,
          },
          { command: 'ping -c 2 10.1.0.10', shows: / 0% packet loss/, soon: true },
          { command: 'ping -c 2 100.64.0.2', shows: / 0% packet loss/, soon: true },
          { command: 'sudo ./gscip explain laptop 10.1.0.10', shows: /ENC\(lab, v\d+\)[\s\S]*Result: encrypt/ },
        ],
      });
      const flows = guide.machine('laptop').path('/var/log/gscip/flows.jsonl');
      const traffic = guide.machine('terminal').start('ping -i 0.2 -I 192.168.1.20 100.64.0.2');
      await guide.follow('docs/guide/flows.md', {
        machine: 'laptop',
        steps: [
          { command: 'sudo ./gscip explain laptop server tcp 22', shows: /Result: encrypt/ },
          {
            command: 'sudo ./gscip explain 192.168.1.20 server',
            shows: /Result: encrypt/,
            lacks: /network-left-out/,
            soon: true,
          },
          { command: 'sudo ./gscip explain laptop 198.51.100.7', shows: /Result: relay-plain/ },
          { command: 'sudo ./gscip pit list', shows: /192\.168\.1\.20/, soon: true },
          { command: 'sudo ./gscip pit watch', shows: /./, endless: true, before: () => talkAgain(guide) },
          { command: 'sudo ./gscip pit watch --open --node server --for 5m', shows: /server/, endless: true },
          { command: 'sudo ./gscip pit watch --json --count 1', shows: /"schema":1/, before: () => talkAgain(guide) },
          {
            command: 'sudo ./gscip pit export --out /var/log/gscip/flows.jsonl --max-size 50 --keep 20',
            endless: true,
            enough: () => existsSync(flows) && statSync(flows).size > 0,
          },
        ],
      });
      traffic.signal('SIGINT');
    }),
  180_000,
);

/** New flows, one after the other, beside the command that is started next. */
async function talkAgain(guide: GuideLab): Promise<void> {
  guide.machine('laptop').start('for i in {1..100}; do setpriv --pdeathsig KILL ping -c 2 -i 0.2 -W 1 server; done');
}
