import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import type { StatusAnswer } from '../../src/api/status.ts';
import { ask } from '../../src/cli/control-client.ts';
import { type Lab, withLab } from '../../src/cli/lab/lab.ts';
import type { LabProcess } from '../../src/cli/lab/lab-process.ts';
import type { Namespace } from '../../src/cli/lab/namespace.ts';
import { ensureBuilt } from '../../src/cli/lab/overlay.ts';
import { until } from '../../src/cli/lab/until.ts';
import { ALL, NOTHING, reach, serve } from './probes.ts';
import { GSCIP } from './two-nodes.ts';

vi.setConfig({ testTimeout: 90_000 });

/** Machines on one switch; nothing runs in them yet. */
class Machines {
  readonly lab: Lab;
  readonly names: readonly string[];
  readonly #spaces: ReadonlyMap<string, Namespace>;
  readonly #agents: LabProcess[] = [];

  constructor(lab: Lab, names: readonly string[]) {
    this.lab = lab;
    this.names = names;
    this.#spaces = new Map(names.map((name) => [name, lab.namespace(name)]));
    lab.bridge(
      'switch',
      names.map((name, at) => ({ namespace: this.space(name), device: 'eth0', addresses: [`10.99.0.${at + 1}/24`] })),
    );
  }

  space(name: string): Namespace {
    const found = this.#spaces.get(name);
    if (!found) throw new Error(`no machine ${name}`);
    return found;
  }

  state(name: string): string {
    return join(this.lab.folder, name);
  }

  socket(name: string): string {
    return `${this.state(name)}.sock`;
  }

  up(name: string, ...words: readonly string[]): LabProcess {
    const files = ['--state', this.state(name), '--socket', this.socket(name)];
    const options = { seconds: 300, env: { SUDO_USER: 'alice' } };
    const agent = this.space(name).start([...GSCIP, 'up', ...files, ...words], options);
    this.#agents.push(agent);
    return agent;
  }

  status(name: string): Promise<StatusAnswer> {
    return ask<StatusAnswer>(this.socket(name), { verb: 'status' });
  }

  async run(name: string, ...words: readonly string[]) {
    return this.space(name).attempt([...GSCIP, ...words], { seconds: 60 });
  }

  /** `gscip admin WORDS --json` at the first machine. */
  async admin(...words: readonly string[]) {
    const [first = ''] = this.names;
    const socket = join(this.state(first), 'server', 'admin.sock');
    const done = await this.run(first, 'admin', ...words, '--socket', socket, '--json');
    expect(done).toMatchObject({ code: 0, stderr: '' });
    return JSON.parse(done.stdout);
  }

  async address(name: string): Promise<string> {
    const { node } = await this.status(name);
    return node.addresses.find((each) => !each.includes(':')) ?? '';
  }

  async pings(from: string, to: string): Promise<boolean> {
    const words = ['ping', '-c', '1', '-W', '1', await this.address(to)];
    return (await this.space(from).attempt(words, { seconds: 5 })).code === 0;
  }

  /** Until every machine reaches every other one through the overlay. */
  async connected(): Promise<void> {
    for (const from of this.names)
      for (const to of this.names)
        if (from !== to)
          await until(
            () => `${from} reaching ${to}; ${this.#said()}`,
            () => this.pings(from, to),
            { seconds: 20 },
          );
  }

  #said(): string {
    return this.#agents.map((agent) => agent.stderr().slice(-1_000)).join('\n');
  }
}

function withMachines<T>(names: readonly string[], body: (machines: Machines) => Promise<T>): Promise<T> {
  return withLab((lab) => {
    ensureBuilt();
    return body(new Machines(lab, names));
  });
}

/** The token in the command for the next machine that `up --new` prints. */
function printedToken(first: LabProcess): Promise<string> {
  return until(
    () => `the join command; printed: ${first.stdout()} ${first.stderr().slice(-800)}`,
    () => /up --join (gsj1\.\S+)/.exec(first.stdout())?.[1],
    { seconds: 30 },
  );
}

async function threeMachines(machines: Machines): Promise<LabProcess> {
  const first = machines.up('one', '--new', 'home', '--name', 'one');
  const token = await printedToken(first);
  machines.up('two', '--join', token, '--name', 'two');
  const file = join(machines.lab.folder, 'token');
  writeFileSync(file, `${token}\n`, { mode: 0o600 });
  machines.up('three', '--join', file, '--name', 'three');
  await machines.connected();
  return first;
}

describe('gscip up --new and up --join', () => {
  it('E3: a closed machine with the server beside its node lets others join, and nobody else in', () =>
    withMachines(['one', 'two'], async (machines) => {
      const token = await printedToken(machines.up('one', '--new', 'home', '--name', 'one'));
      await machines.admin('node', 'set', 'one', '--mode', 'cl');
      await until('the lock', async () => (await machines.status('one')).lock.state === 'closed');
      await serve(machines.space('one'));
      expect(await reach(machines.space('two'), '10.99.0.1')).toEqual(NOTHING);
      machines.up('two', '--join', token, '--name', 'two');
      await machines.connected();
      expect(await reach(machines.space('two'), await machines.address('one'))).toEqual(ALL);
      expect(await reach(machines.space('two'), '10.99.0.1')).toEqual(NOTHING);
    }));

  it('make a working group of three machines within ten seconds', () =>
    withMachines(['one', 'two', 'three'], async (machines) => {
      const begin = performance.now();
      const first = await threeMachines(machines);
      const seconds = (performance.now() - begin) / 1000;
      console.log(`up --new home, two times up --join, every machine pinged by every other: ${seconds.toFixed(1)} s`);
      expect(first.stdout()).toMatch(/█ █ {3}█ █/);
      const { nodes } = await machines.admin('node', 'list');
      expect(nodes).toMatchObject(machines.names.map(() => ({ user: 'alice', groups: ['home'], connected: true })));
      for (const name of machines.names) {
        expect(await machines.status(name)).toMatchObject({ groups: [{ name: 'home', members: 3 }] });
        expect(readFileSync(join(machines.state(name), 'config.toml'), 'utf8')).not.toContain('gsj1.');
      }
    }));

  it('go on by a bare up on each, the server with the first machine', () =>
    withMachines(['one', 'two', 'three'], async (machines) => {
      const first = await threeMachines(machines);
      for (const name of machines.names)
        expect(await machines.run(name, 'down', '--socket', machines.socket(name))).toMatchObject({ code: 0 });
      expect(await first.exited).toBe(0);
      await until('the end of the server', async () => {
        const { code } = await machines.run(
          'one',
          'admin',
          'status',
          '--socket',
          `${machines.state('one')}/server/admin.sock`,
        );
        return code === 3;
      });
      for (const name of machines.names) machines.up(name);
      for (const name of machines.names) await until(`${name} to be up`, () => machines.status(name), { seconds: 20 });
      await machines.connected();
      expect((await machines.admin('status')).nodes).toMatchObject({ active: 3 });
    }));

  it('cut a removed machine off at the others, and let one leave by itself', () =>
    withMachines(['one', 'two', 'three'], async (machines) => {
      await threeMachines(machines);
      await machines.admin('node', 'remove', 'two');
      const begin = performance.now();
      await until('two to be gone', async () => !(await machines.pings('three', 'two')), { seconds: 5 });
      console.log(`removed, and cut off after ${((performance.now() - begin) / 1000).toFixed(1)} s`);
      expect(await machines.pings('one', 'three')).toBe(true);
      const left = await machines.run('three', 'logout', '--socket', machines.socket('three'), '--yes');
      expect(left).toMatchObject({ code: 0 });
      await until('three to be gone', async () => {
        const { nodes } = await machines.admin('node', 'list');
        return nodes.length === 1;
      });
    }));

  it('restart a server that dies, and say so meanwhile', () =>
    withMachines(['one'], async (machines) => {
      const first = machines.up('one', '--new', 'home');
      await printedToken(first);
      const server = await until('the process of the server', () => childOf(first.pid));
      process.kill(server, 'SIGKILL');
      await until('the health line', async () =>
        (await machines.status('one')).health.some(({ code }) => code === 'server-stopped'),
      );
      await until('the server to be back', async () => (await machines.admin('status')).network === 'home', {
        seconds: 20,
      });
      await until('the health line to go', async () =>
        (await machines.status('one')).health.every(({ code }) => code !== 'server-stopped'),
      );
    }));

  it('begin nothing where the addresses are in use, until another pool is chosen', () =>
    withMachines(['one'], async (machines) => {
      machines.space('one').ip('addr', 'add', '100.64.7.1/24', 'dev', 'eth0');
      const refused = await machines.up('one', '--new', 'home').finished();
      expect(refused).toMatchObject({ code: 1, stderr: expect.stringContaining('--pool') });
      expect(existsSync(machines.state('one'))).toBe(false);
      await printedToken(machines.up('one', '--new', 'home', '--pool', '10.77.0.0/16'));
      expect(await machines.address('one')).toMatch(/^10\.77\./);
    }));

  it('begin no second network in the same folder', () =>
    withMachines(['one'], async (machines) => {
      const first = machines.up('one', '--new', 'home');
      await printedToken(first);
      await machines.run('one', 'down', '--socket', machines.socket('one'));
      const again = await machines.up('one', '--new', 'other').finished();
      expect(again).toMatchObject({ code: 1, stderr: expect.stringContaining('sudo gscip up') });
    }));
});

/** The process that is this agent's server. */
function childOf(pid: number): number | undefined {
  const list = `/proc/${pid}/task/${pid}/children`;
  if (!existsSync(list)) return undefined;
  const pids = readFileSync(list, 'utf8').trim().split(' ').map(Number);
  return pids.find((each) => readFileSync(`/proc/${each}/cmdline`, 'utf8').includes('server'));
}
