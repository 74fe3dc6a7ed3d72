/*
 * Runs the commands of guide pages, each on the machine of a lab that the page says, as they are written.
 *
 * To add a page, make or extend a `*.test.ts` here:
 *
 *   it('docs/guide/x.md', () =>
 *     withGuide({ server: '192.0.2.1', laptop: '192.0.2.10' }, async (guide) => {
 *       await guide.follow('docs/guide/x.md', { machine: 'server', steps: [{ command: 'gscip status', shows: /…/ }] });
 *     }));
 *
 * Every command in a block of ```sh is typed in its order and has to end with exit code 0. `test/rules/guide-commands.test.ts` counts
 * the pages that hold commands and are not followed by any test here.
 *
 * - The machine: "# on the server" at the end of the line, else the fence (```sh on server, where the text above must name it
 *   for readers), else `machine` of the plan.
 * - The words: addresses and names are laid as the page has them, so that few words have to be put in: `words` of the plan. TOKEN is
 *   the newest join token that was printed.
 * - The files: each machine has its own /var/lib/gscip, /run, /etc, … and a home folder in which commands are typed. `guide.machine(name)
 *   .path(file)` is where one lies, to bring files from machine to machine in `before` of a step. What a page shows as a file
 *   is `blockOf(page, 'toml')`.
 * - `gscip up` and `gscip server` go on in their terminal: the next command comes when they are ready. Started again on the same machine,
 *   they are ended by Ctrl-C first, as a reader has to, and must then end with 0.
 * - What goes on when a page has ended ends with the lab.
 * - Commands that need systemd, a package manager or another machine than a namespace go to `elsewhere`, with the test that runs them. A
 *   command that is neither run nor there cannot be: what is not listed is run.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { AdminClient } from '../../src/cli/admin/admin-client.ts';
import { ask } from '../../src/cli/control-client.ts';
import { Lab } from '../../src/cli/lab/lab.ts';
import type { Finished, LabProcess } from '../../src/cli/lab/lab-process.ts';
import type { Namespace } from '../../src/cli/lab/namespace.ts';
import { ensureBuilt } from '../../src/cli/lab/overlay.ts';
import { PROJECT } from '../../src/cli/lab/pinned-node.ts';
import { runNow, tryNow } from '../../src/cli/lab/run-now.ts';
import { until } from '../../src/cli/lab/until.ts';
import { GuideMachine } from './guide-machine.ts';
import { type GuidePlan, type GuideStep, plannedCommands } from './guide-plan.ts';

/** What goes on in its terminal until somebody ends it. */
const STAYS = /(?:^|\| *)(?:sudo )?(?:\.\/)?gscip (up|server)\b/;

const TOKEN = /(gsj1\.[\w.@:,[\]-]+)/;

/** How long what "takes effect within seconds" may take on a busy machine. */
const SOON_SECONDS = 60;

/** The machines of one or several pages, with what runs on them. */
export class GuideLab {
  readonly lab = new Lab();
  readonly #machines = new Map<string, GuideMachine>();
  /** what goes on in a terminal, by machine and verb */
  readonly #staying = new Map<string, LabProcess>();
  /** everything that was typed, oldest first */
  readonly #typed: LabProcess[] = [];

  constructor() {
    ensureBuilt();
  }

  /** Adds machines to one switch, each with its address without prefix length; all are in 24 bits of one network. */
  async onSwitch(addresses: Readonly<Record<string, string>>): Promise<void> {
    const ends = Object.entries(addresses).map(([name, address]) => {
      const namespace = this.lab.namespace(name);
      return { namespace, device: 'eth0', addresses: [`${address}/24`] };
    });
    this.lab.bridge('switch', ends);
    await this.add(...ends.map(({ namespace }) => namespace));
  }

  /** Makes machines of namespaces that the test has laid by itself. */
  async add(...spaces: readonly Namespace[]): Promise<void> {
    const added = spaces.map((space) => new GuideMachine(this.lab, space));
    for (const each of added) this.#machines.set(each.name, each);
    await Promise.all(added.map((each) => each.ready()));
  }

  machine(name: string): GuideMachine {
    const found = this.#machines.get(name);
    if (!found) throw new Error(`no machine ${name}`);
    return found;
  }

  /** The newest that any command printed of this pattern: its first group. */
  printed(pattern: RegExp): string {
    const found = this.#typed.toReversed().map((each) => pattern.exec(`${each.stdout()}${each.stderr()}`)?.[1]);
    const newest = found.find((each) => each !== undefined);
    if (newest === undefined) throw new Error(`nothing that was printed is ${pattern}`);
    return newest;
  }

  /** Runs every command of a page, and says how many there were. */
  async follow(path: string, plan: GuidePlan = {}): Promise<void> {
    const page = readFileSync(`${PROJECT}${path}`, 'utf8');
    const commands = plannedCommands(page, plan, [...this.#machines.keys()]);
    let run = 0;
    for (const command of commands) {
      if (command.step === undefined) continue;
      try {
        await this.#type(this.machine(command.machine), command.step, plan);
      } catch (cause) {
        const place = `${path}:${command.line} on ${command.machine}`;
        throw new Error(`${place}: ${command.text}\n${cause instanceof Error ? cause.message : cause}`, { cause });
      }
      run += 1;
    }
    console.log(`${path}: ${run} commands run, ${commands.length - run} by other tests`);
  }

  /** Types what has been before a page begins, or what it says beside its blocks. */
  async type(machine: string, command: string, step: Partial<GuideStep> = {}): Promise<void> {
    await this.#type(this.machine(machine), { ...step, command }, {});
  }

  /** Ends everything that runs on these machines. */
  close(): Promise<void> {
    // also what a pipe or a daemon left without a parent; whatever is in these namespaces is of this lab
    const spaces = [...this.#machines.values()].map(({ space }) => space.name);
    for (const pid of spaces.flatMap((name) => runNow('ip', ['netns', 'pids', name]).split(/\s+/)))
      if (pid !== '') tryNow('kill', ['-KILL', pid]);
    return this.lab.close();
  }

  async #type(machine: GuideMachine, step: GuideStep, plan: GuidePlan): Promise<void> {
    await step.before?.();
    const line = this.#withWords(step.command, plan);
    const [, verb] = STAYS.exec(line) ?? [];
    if (verb !== undefined) await this.#stay(machine, verb, line, step);
    else if (step.endless) await this.#watch(machine, line, step);
    else await this.#end(machine, line, step);
    await step.after?.();
  }

  #withWords(text: string, plan: GuidePlan): string {
    const words = Object.entries({ TOKEN, ...plan.words }).filter(([word]) => text.includes(word));
    return words.reduce((line, [word, value]) => {
      const given = typeof value === 'string' ? value : this.printed(value);
      const whole = new RegExp(`(?<![\\w-])${word.replace(/[.*+?^$(){}[\]|\\]/g, '\\$&')}(?![\\w-])`, 'g');
      return line.replace(whole, () => given);
    }, text);
  }

  /** A command that ends by itself. */
  async #end(machine: GuideMachine, line: string, step: GuideStep): Promise<void> {
    const attempt = (): Promise<Finished> => this.#start(machine, line, step).finished();
    let done = await attempt();
    if (step.soon)
      for (const limit = performance.now() + SOON_SECONDS * 1000; troubleOf(done, step) && performance.now() < limit; )
        done = await attempt();
    const trouble = troubleOf(done, step);
    if (trouble !== undefined) throw new Error(trouble);
  }

  /** A command that goes on until its reader has seen enough. */
  async #watch(machine: GuideMachine, line: string, step: GuideStep): Promise<void> {
    const started = this.#start(machine, line, step);
    const { shows = /./, enough = () => shows.test(saidBy(started)) } = step;
    await until(
      () => `enough of it; it said:\n${saidBy(started)}`,
      () => !started.running || enough(),
      { seconds: SOON_SECONDS },
    );
    if (step.answers === undefined) started.signal('SIGINT');
    else started.write('\x03');
    const trouble = troubleOf(await started.finished(), step);
    if (trouble !== undefined) throw new Error(trouble);
  }

  /** `gscip up` and `gscip server`: until they are ready, and further. */
  async #stay(machine: GuideMachine, verb: string, line: string, step: GuideStep): Promise<void> {
    await this.interrupt(machine.name, verb);
    const shows = step.shows ?? (/ --new /.test(line) ? TOKEN : /(?:)/);
    const started = this.#start(machine, line, step);
    this.#staying.set(`${machine.name} ${verb}`, started);
    await until(
      () => `${verb} to be ready; it said:\n${saidBy(started)}`,
      async () => !started.running || (shows.test(saidBy(started)) && (await isReady(machine, line))),
      { seconds: SOON_SECONDS },
    );
    if (!started.running) throw new Error(`it ended:\n${saidBy(started)}`);
  }

  /** Ends the agent of a machine as a crash does. */
  async crash(name: string): Promise<void> {
    const running = this.#staying.get(`${name} up`);
    this.#staying.delete(`${name} up`);
    running?.signal('SIGKILL');
    await running?.exited;
  }

  /** Presses Ctrl-C where `gscip up` or `gscip server` goes on, if it does. */
  async interrupt(name: string, verb: string): Promise<void> {
    const running = this.#staying.get(`${name} ${verb}`);
    this.#staying.delete(`${name} ${verb}`);
    if (!running?.running) return;
    running.signal('SIGINT');
    const { code } = await running.finished();
    if (code !== 0) throw new Error(`after Ctrl-C it ended with ${code}:\n${saidBy(running)}`);
  }

  #start(machine: GuideMachine, line: string, { answers }: GuideStep): LabProcess {
    const started = machine.start(line, { atTerminal: answers !== undefined });
    if (answers !== undefined) started.write(answers);
    this.#typed.push(started);
    return started;
  }
}

/** Lays machines on one switch, runs `body`, and takes everything down. */
export async function withGuide(
  addresses: Readonly<Record<string, string>>,
  body: (guide: GuideLab) => Promise<void>,
): Promise<void> {
  const guide = new GuideLab();
  try {
    await guide.onSwitch(addresses);
    await body(guide);
  } finally {
    await guide.close();
  }
}

/** Begins the network `home` on the machine `server`, and brings the others into it by its token. */
export async function atHome(guide: GuideLab, ...others: readonly string[]): Promise<void> {
  await guide.type('server', 'sudo gscip up --new home');
  await Promise.all(others.map((each) => guide.type(each, 'sudo gscip up --join TOKEN')));
}

function saidBy(started: LabProcess): string {
  return `${started.stdout()}${started.stderr()}`.slice(-20_000);
}

function troubleOf({ code, stdout, stderr }: Finished, { shows, lacks }: GuideStep): string | undefined {
  const said = `${stdout}${stderr}`;
  if (code !== 0) return `ended with ${code ?? 'a signal'}:\n${said}`;
  if (shows?.test(said) === false) return `shows no ${shows}:\n${said}`;
  return lacks?.test(said) ? `shows ${lacks}:\n${said}` : undefined;
}

/** A node has an address; a server beside it or by itself answers. A relay on a machine of its own answers nobody. */
async function isReady(machine: GuideMachine, line: string): Promise<boolean> {
  if (/gscip up\b/.test(line)) {
    const { node } = await ask<{ readonly node: { readonly addresses: readonly string[] } }>(
      machine.path('/run/gscip/gscip.sock'),
      { verb: 'status' },
    );
    if (node.addresses.length === 0) return false;
    const beside = machine.path('/var/lib/gscip/server');
    return !existsSync(beside) || answers(beside);
  }
  if (/--roles relay\b/.test(line)) return true;
  const [, state = '/var/lib/gscip-server'] = /--state (\S+)/.exec(line) ?? [];
  return answers(machine.path(state));
}

async function answers(state: string): Promise<boolean> {
  await new AdminClient(join(state, 'admin.sock')).get('/status');
  return true;
}
