import { describe, expect, it } from 'vitest';
import { withLab } from '../../src/cli/lab/lab.ts';
import type { LabProcess } from '../../src/cli/lab/lab-process.ts';
import type { Namespace } from '../../src/cli/lab/namespace.ts';
import { PROJECT, pinnedNode } from '../../src/cli/lab/pinned-node.ts';
import { until } from '../../src/cli/lab/until.ts';
import { pair } from './kit.ts';

/** Watches with the addon or without, and prints each view in one line. */
const WATCH = `const [src] = process.argv.slice(1);
  Promise.all(['node/network-watch', 'node/network-view'].map((file) => import(src + file + '.ts'))).then(
    ([{ NetworkWatch }, { viewName }]) => {
      const print = (view) => console.log(watch.source + ' | ' + viewName(view).replaceAll('\\n', ' | '));
      const watch = new NetworkWatch({ tun: 'gscip0', changed: (view) => print(view) });
      console.log('first | ' + viewName(watch.view).replaceAll('\\n', ' | '));
      setTimeout(() => watch.close(), 60000);
    })`;

async function startWatch(where: Namespace, env: Readonly<Record<string, string>>): Promise<LabProcess> {
  const watch = where.start([pinnedNode(), '-e', WATCH, `${PROJECT}src/`], { env });
  await until('its first view', () => watch.stdout().includes('first |'));
  return watch;
}

const SCRIPT = { GSCIP_WITHOUT_ADDON: '1' };

const lines = (watch: LabProcess) => watch.stdout().trim().split('\n');
const sees = (watch: LabProcess, text: string) =>
  until(
    () => `${text}; it printed\n${watch.stdout()}${watch.stderr()}`,
    () => lines(watch).at(-1)?.includes(text),
    { seconds: 12 },
  );

describe.concurrent('the watch over the networks of a machine', () => {
  it.each([
    ['netlink', {}],
    ['ip monitor', SCRIPT],
  ])('tells by %s of addresses that come and go, of gateways and of carriers', (source, env) =>
    withLab(async (lab) => {
      const { a, b } = pair(lab);
      const watch = await startWatch(a, env);
      expect(lines(watch)[0]).toContain('eth0 10.99.0.1/24 | eth0 fd99::1/64');
      a.route('default', '10.99.0.2');
      await sees(watch, `${source} | eth0 10.99.0.1/24 | eth0 fd99::1/64 | eth0 10.99.0.2 10.99.0.1 | none`);
      a.ip('addr', 'replace', '10.99.7.1/24', 'dev', 'eth0');
      await sees(watch, 'eth0 10.99.7.1/24');
      a.ip('addr', 'del', '10.99.0.1/24', 'dev', 'eth0');
      await sees(watch, 'eth0 10.99.7.1/24 | eth0 fd99::1/64 | eth0 10.99.0.2 10.99.7.1 | none');
      b.ip('link', 'set', 'eth0', 'down');
      await sees(watch, '| none | none');
      expect(lines(watch).at(-1)).not.toContain('10.99.7.1');
      const seen = lines(watch).length;
      a.ip('link', 'add', 'gscip0', 'type', 'veth');
      a.ip('addr', 'add', '100.64.0.1/32', 'dev', 'gscip0');
      a.ip('link', 'set', 'gscip0', 'up');
      b.ip('link', 'set', 'eth0', 'up');
      await sees(watch, 'eth0 10.99.7.1/24');
      expect(lines(watch).slice(seen).join()).not.toContain('100.64');
    }));

  it('goes on by looking when its child ends', () =>
    withLab(async (lab) => {
      const { a } = pair(lab);
      const watch = await startWatch(a, SCRIPT);
      const child = await until('the child', () => runningMonitor(a, watch.pid));
      process.kill(child);
      a.ip('addr', 'add', '10.99.7.1/24', 'dev', 'eth0');
      await sees(watch, '10.99.7.1/24');
      a.ip('addr', 'add', '10.99.8.1/24', 'dev', 'eth0');
      await sees(watch, '10.99.8.1/24');
      expect(lines(watch).at(-1)).toMatch(/^polling /);
    }));
});

/** The PID of the child of this process. */
function runningMonitor(where: Namespace, parent: number): number | undefined {
  const rows = where.now('ps', ['-o', 'pid=,args=', '--ppid', `${parent}`]).split('\n');
  const [pid] =
    rows
      .find((row) => row.includes('monitor'))
      ?.trim()
      .split(/\s+/) ?? [];
  return pid === undefined ? undefined : Number(pid);
}
