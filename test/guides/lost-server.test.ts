import { it } from 'vitest';
import { atHome, withGuide } from './guide-lab.ts';

it(
  'losing the server',
  () =>
    withGuide({ server: '192.0.2.1', laptop: '192.0.2.10', desk: '192.0.2.11' }, async (guide) => {
      const type = guide.type.bind(guide, 'server');
      const burns = async (): Promise<void> => {
        await guide.crash('server');
        await type('sudo rm -r /var/lib/gscip');
      };
      // by itself it tries again at a moment within a minute
      const reconnects = async (shows: RegExp): Promise<void> => {
        await guide.type('desk', 'sudo gscip up');
        await guide.type('desk', 'sudo gscip status', { soon: true, shows });
      };
      const reached = (): Promise<void> => guide.type('desk', 'ping -c 1 -W 2 server.home.gscip', { soon: true });
      await atHome(guide, 'laptop', 'desk');
      await type('sudo mkdir /media/stick');
      await guide.follow('docs/guide/losing-the-server.md', {
        steps: [
          {
            command: 'sudo gscip status',
            before: async () => {
              await guide.crash('server');
              await guide.type('laptop', 'ping -c 5 desk.home.gscip'); // they never talked
            },
            soon: true,
            shows: /last heard of [\s\S]* lease +\d[\s\S]*server-not-reached/,
          },
          { command: 'sudo gscip netcheck', shows: /server-silent/, after: () => type('sudo gscip up') },
          { command: 'sudo gscip admin group list', shows: /home/ },
          {
            command: 'sudo rm -r rehearsal',
            after: async () => {
              for (const [from, to] of [['home', 'house'] as const, ['house', 'home'] as const])
                await type(`sudo gscip admin group set ${from} --name ${to}`);
              await type('sudo gscip admin node remove laptop');
              await guide.type('desk', '! sudo gscip explain desk laptop', { soon: true }); // it has heard of all that
            },
          },
          { command: 'sudo install -d -m 700 /var/lib/gscip-server', before: burns },
          { command: 'sudo gscip admin node remove laptop', shows: /Removed laptop/ },
          {
            command: 'sudo gscip admin group remove home --yes',
            before: () => reconnects(/roster-refused/),
          },
          {
            command: 'sudo gscip admin group admit home desk',
            after: () => guide.type('desk', 'sudo gscip status --check', { soon: true }),
          },
          { command: 'sudo gscip up --join TOKEN --listen 47250', after: reached },
          {
            command: 'sudo gscip up --new home',
            before: async () => {
              await guide.interrupt('server', 'server');
              await burns();
              await type('sudo rm -r /var/lib/gscip-server');
            },
            after: () => reconnects(/server-not-trusted/),
          },
        ],
      });
      await reached();
    }),
  120_000,
);
