import { readFileSync } from 'node:fs';
import { PROJECT } from '../../src/cli/lab/pinned-node.ts';
import { commandsOf, type GuideCommand } from './guide-page.ts';

/** What the test of a page says beside the page. Whatever it names must be in the page. */
export interface GuidePlan {
  /** where commands are typed that the page puts on no machine; without it, each needs one */
  readonly machine?: string;
  /** what a reader puts in for a word of the page; a pattern is what a command printed last. TOKEN is always the newest join token */
  readonly words?: Readonly<Record<string, string | RegExp>>;
  /** commands that need more than to be run to their end with exit code 0 */
  readonly steps?: readonly GuideStep[];
  /** commands that no namespace can run, and the test that runs them instead */
  readonly elsewhere?: readonly Elsewhere[];
}

/** More about a command; the same for each place of the page in which it stands. */
export interface GuideStep {
  /** as in the page, without its comment */
  readonly command: string;
  readonly machine?: string;
  /** what its output holds, standard error included */
  readonly shows?: RegExp;
  /** and what it does not hold */
  readonly lacks?: RegExp;
  /** takes effect within seconds, as the page says: tried again for that long */
  readonly soon?: true;
  /** goes on until Ctrl-C, which is pressed when `enough` is true, by default when its output is as in `shows` */
  readonly endless?: true;
  readonly enough?: () => boolean;
  /** what is answered at the terminal where the command asks */
  readonly answers?: string;
  readonly before?: () => void | Promise<void>;
  readonly after?: () => void | Promise<void>;
}

/** A command that is run by another test: `as` is a text in the file of that test. */
export interface Elsewhere {
  readonly command: string;
  readonly test: string;
  readonly as: string;
}

/** A command of the page, with where and how it is run. */
export interface PlannedCommand extends GuideCommand {
  readonly machine: string;
  /** undefined: another test runs it */
  readonly step: GuideStep | undefined;
}

/** Every command of a page with what is done about it; throws where something of the plan is not in the page, or a command has no machine. */
export function plannedCommands(page: string, plan: GuidePlan, machines: readonly string[]): readonly PlannedCommand[] {
  const commands = commandsOf(page);
  const texts = new Set(commands.map(({ text }) => text));
  for (const { command } of [...(plan.steps ?? []), ...(plan.elsewhere ?? [])])
    if (!texts.has(command)) throw new Error(`no such command in the page: ${command}`);
  for (const { command, test, as } of plan.elsewhere ?? [])
    if (!readFileSync(`${PROJECT}${test}`, 'utf8').includes(as))
      throw new Error(`${command} is not run by ${test}: there is no "${as}" in it`);
  const left = new Set(plan.elsewhere?.map(({ command }) => command));
  return commands.map((command) => {
    if (left.has(command.text)) return { ...command, machine: '', step: undefined };
    const step = plan.steps?.find((each) => each.command === command.text) ?? { command: command.text };
    const machine = step.machine ?? namedBy(command, machines) ?? command.fence ?? plan.machine;
    if (machine === undefined || !machines.includes(machine))
      throw new Error(`line ${command.line}: on which machine? ${command.text}`);
    return { ...command, machine, step };
  });
}

/** "# on the server", "# in Paris". */
function namedBy({ comment }: GuideCommand, machines: readonly string[]): string | undefined {
  const names = [...comment.matchAll(/\b(?:on|in) (?:the )?([\w-]+)/gi)].map(([, name = '']) => name.toLowerCase());
  return names.find((name) => machines.includes(name));
}
