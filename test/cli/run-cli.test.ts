import { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { GscipError } from '../../src/base/errors.ts';
import { VERBS, type Verb } from '../../src/cli/verbs.ts';
import { json, run } from './cli-run.ts';

/** A verb that fails with the given error, or ends with the given exit code. */
function verb(name: string, action: () => void): Verb {
  return {
    name,
    summary: `${name} it`,
    load: async () => ({
      define: (command) => void command.option('--json').option('--socket <path>').action(action),
    }),
  };
}

function throwing(error: unknown): readonly Verb[] {
  return [
    verb('fail', () => {
      throw error;
    }),
  ];
}

describe('a command that fails', () => {
  const refused = new GscipError('port-in-use', 'port 47247 is in use', 'Choose another with --listen.');

  it('says what happened and what to do, without a stack', async () => {
    const result = await run(['fail'], throwing(refused));
    expect(result).toEqual({
      status: 1,
      stdout: '',
      stderr: 'gscip: port 47247 is in use\n       Choose another with --listen.\n',
    });
  });

  it('prints the same as one JSON object with --json', async () => {
    const result = await run(['fail', '--json'], throwing(refused));
    expect(json(result)).toEqual({
      schema: 1,
      error: { code: 'port-in-use', message: 'port 47247 is in use', remedy: 'Choose another with --listen.' },
    });
  });

  it.each([
    ['usage', 2],
    ['not-running', 3],
    ['bundle-damaged', 1],
  ])('ends with the exit code of %s: %i', async (code, status) => {
    expect(await run(['fail'], throwing(new GscipError(code, 'no')))).toMatchObject({ status });
  });

  it('adds the cause when the message does not hold it', async () => {
    const error = new GscipError('write-failed', 'a.gscip cannot be written', '', new Error('disk full'));
    expect((await run(['fail'], throwing(error))).stderr).toBe('gscip: a.gscip cannot be written: disk full\n');
  });

  it('shows the stack of a fault of ours, and asks for a report', async () => {
    const { status, stderr } = await run(['fail'], throwing(new TypeError('x is undefined')));
    expect(status).toBe(1);
    expect(stderr).toMatch(/internal error: TypeError: x is undefined\n +at .*[\s\S]*report/);
  });

  it('shows no stack for an error of the system', async () => {
    const error = Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC', syscall: 'write' });
    expect((await run(['fail'], throwing(error))).stderr).toBe('gscip: ENOSPC: no space left on device\n');
  });
});

describe('a wrong command line', () => {
  const verbs = [verb('status', () => {}), verb('version', () => {})];

  it.each([
    [['statsu'], /unknown command 'statsu'[\s\S]*status/],
    [['status', '--sockte', 'x'], /unknown option '--sockte'[\s\S]*--socket/],
    [['status', 'more'], /too many arguments/],
    [['status', '--socket'], /argument missing/],
  ])('%s is usage, with the nearest known word', async (words, text) => {
    const { status, stderr } = await run(words, verbs);
    expect(status).toBe(2);
    expect(stderr).toMatch(text);
    expect(stderr).toMatch(/^gscip: /);
  });
});

describe('a command that works', () => {
  it('ends with 0, or with the exit code that it set', async () => {
    expect(await run(['fine'], [verb('fine', () => {})])).toMatchObject({ status: 0 });
    const three = verb('down', () => {
      process.exitCode = 3;
    });
    expect(await run(['down'], [three])).toMatchObject({ status: 3 });
  });

  it('loads no verb but its own', async () => {
    const never: Verb = { name: 'heavy', summary: '', load: () => Promise.reject(new Error('loaded')) };
    expect(await run(['fine'], [never, verb('fine', () => {})])).toMatchObject({ status: 0 });
  });
});

describe('help', () => {
  it('lists every verb and the exit codes', async () => {
    const { status, stdout } = await run(['--help']);
    expect(status).toBe(0);
    for (const { name, summary } of VERBS) expect(stdout).toMatch(new RegExp(`^  ${name}\\b.* ${summary}`, 'm'));
    expect(stdout).toContain('3 not running');
  });

  it.each(VERBS.map(({ name }) => name))('of %s has a usage line and an example, in both spellings', async (name) => {
    const { status, stdout } = await run([name, '--help']);
    expect(status).toBe(0);
    expect(stdout).toMatch(new RegExp(`^Usage: gscip ${name}`));
    expect(stdout).toMatch(/\nExamples:\n {2}(sudo )?(\.\/)?gscip /);
    expect((await run(['help', name])).stdout).toBe(stdout);
  });
});

describe('every command of every verb', async () => {
  const commands: Command[] = [];
  const collect = (command: Command) => {
    commands.push(command);
    for (const child of command.commands) collect(child);
  };
  for (const { name, load } of VERBS) {
    const command = new Command(name);
    (await load()).define(command);
    collect(command);
  }

  it('marks the value of a flag as <value>, since it would be no value otherwise', () => {
    const flags = commands.flatMap(({ options }) => options.map((option) => option.flags));
    expect(flags.length).toBeGreaterThan(20);
    expect(flags.filter((each) => !/^(-\w, )?--[a-z-]+( <[^>]+>)?$/.test(each))).toEqual([]);
  });

  it('has --json where it does something, except where it goes on until it is ended', () => {
    const actions = commands.filter(
      (command) => command.commands.length === 0 && !['up', 'server'].includes(command.name()),
    );
    const without = actions.filter(({ options }) => !options.some(({ long }) => long === '--json'));
    expect(without.map((command) => command.name())).toEqual([]);
  });

  it('says what it is for', () => {
    const silent = commands.filter((command) => command.parent && command.description() === '');
    expect(silent.map((command) => command.name())).toEqual([]);
  });
});

describe('gscip version', () => {
  it('prints one line for people', async () => {
    expect(await run(['version'])).toMatchObject({
      status: 0,
      stdout: expect.stringMatching(/^gscip \d+\.\d+\.\d+ \(protocol gscip1, Node 24\..*\)\n$/),
    });
  });

  it('prints one object for programs', async () => {
    expect(json(await run(['version', '--json']))).toMatchObject({ schema: 1, protocol: 'gscip1' });
  });
});
