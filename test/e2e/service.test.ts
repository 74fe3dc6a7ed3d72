import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { withLab } from '../../src/cli/lab/lab.ts';
import { OverlayNode } from '../../src/cli/lab/overlay.ts';
import { ServedOverlay } from '../../src/cli/lab/served-overlay.ts';
import { until } from '../../src/cli/lab/until.ts';
import { NO_TOKEN, TOKEN_CREDENTIAL } from '../../src/cli/service/unit-texts.ts';
import { Machines } from './served-nodes.ts';
import { GROUP, PORT } from './two-nodes.ts';

/** In place of a service manager: prints each notice, and at READY whether a program can bind each overlay address at once. */
const MANAGER = `use Socket qw(:all); $| = 1;
  socket(M, AF_UNIX, SOCK_DGRAM, 0) and bind(M, sockaddr_un($ARGV[0])) or die $!;
  print "listening\\n";
  while (defined recv(M, $m, 4096, 0)) {
    if ($m =~ /^READY=1/) {
      for $a (grep { $_ } map { m{inet6? (\\S+?)/} ? $1 : '' } split /\\n/, \`ip -o address show dev $ARGV[1] scope global\`) {
        $v6 = $a =~ /:/;
        socket(U, $v6 ? AF_INET6 : AF_INET, SOCK_DGRAM, 0);
        $ok = bind(U, $v6 ? pack_sockaddr_in6(0, inet_pton(AF_INET6, $a)) : pack_sockaddr_in(0, inet_aton($a)));
        print $ok ? "bound " : "not bound: $! ", $v6 ? 6 : 4, "\\n";
      }
    }
    $m =~ tr/\\n/ /; print "$m\\n";
  }`;

describe('a node that a service manager starts', { timeout: 120_000 }, () => {
  it('joins by its credential, is ready when its addresses can be bound, and comes back without the token', () =>
    withLab(async (lab) => {
      const machines = new Machines(lab, ['server', 'a']);
      const served = await ServedOverlay.start(
        lab,
        machines.space('server'),
        `:${PORT}`,
        [GROUP],
        ['--advertise', machines.at('server')],
      );
      const { token } = await served.token([GROUP], { uses: 1 });
      const [folder, socket] = [join(lab.folder, 'credentials'), join(lab.folder, 'notify')];
      mkdirSync(folder);
      writeFileSync(join(folder, TOKEN_CREDENTIAL), `${token}\n`);
      const node = new OverlayNode('a', machines.space('a'), '', join(lab.folder, 'a'), []);
      const manager = node.namespace.start(['perl', '-e', MANAGER, socket, node.device], { seconds: 300 });
      const says = (text: string, times = 1) =>
        until(
          () => `${text}, after: ${manager.stdout()}${manager.stderr()} ${node.process?.stderr()}`,
          () => manager.stdout().split(text).length > times,
          { seconds: 60 },
        );
      await says('listening');
      const env = { NOTIFY_SOCKET: socket, CREDENTIALS_DIRECTORY: folder, WATCHDOG_USEC: '2000000' };
      node.start({ listen: machines.at('a'), env });
      await says('READY=1');
      expect(manager.stdout()).toContain('bound 4\nbound 6\n');
      expect(manager.stdout()).not.toContain('not bound');
      await says('WATCHDOG=1');
      expect((await node.status()).server.connected).toBe(true);
      await node.process?.stop();
      await says('STOPPING=1');

      writeFileSync(join(folder, TOKEN_CREDENTIAL), `${NO_TOKEN}\n`);
      node.start({ listen: machines.at('a'), env });
      await says('READY=1', 2);
      await until('the server', async () => (await node.status()).server.connected);
    }));

  it('ends where its port is taken although it has joined, so that it is not taken for one that starts', () =>
    withLab(async (lab) => {
      const machines = new Machines(lab, ['server']);
      const own = machines.space('server');
      const served = await ServedOverlay.start(lab, own, `:${PORT}`, [GROUP], ['--advertise', machines.at('server')]);
      const node = await served.add('beside', own, [GROUP]);
      const agent = node.start({ listen: `0.0.0.0:${PORT}` });
      expect(await agent.exited).toBe(1);
      expect(agent.stderr()).toContain(`UDP port ${PORT} is in use`);
    }));
});
