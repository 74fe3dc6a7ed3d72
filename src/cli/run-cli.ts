import { Command, CommanderError } from 'commander';
import { exitCodeOf, reportError } from './error-report.ts';
import { VERBS, type Verb } from './verbs.ts';

const EXIT_CODES = `
Exit codes: 0 good, 1 failed, 2 wrong usage, 3 not running.
'gscip help VERB' tells more about a verb.`;

/** Runs one command line and returns the exit code; errors are printed here and nowhere else. */
export async function runCli(argv: readonly string[], verbs: readonly Verb[] = VERBS): Promise<number> {
  const words = helpLast(argv);
  try {
    await program(verbs).parseAsync(words, { from: 'user' });
    return typeof process.exitCode === 'number' ? process.exitCode : 0;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    reportError(error, words.includes('--json'));
    return exitCodeOf(error);
  }
}

function program(verbs: readonly Verb[]): Command {
  const root = new Command('gscip')
    .description('GSCIP: a userspace overlay VPN in which a group is a key')
    .helpCommand(false)
    .helpOption('-h, --help', 'show this help')
    .exitOverride()
    .configureOutput({ outputError: (text, write) => write(`gscip: ${text.replace(/^error: /, '')}`) })
    .showHelpAfterError('Try the same with --help.')
    .addHelpText('after', EXIT_CODES);
  for (const { name, summary } of verbs) root.command(name).description(summary);
  root.hook('preSubcommand', async (_, command) => {
    const verb = verbs.find((each) => each.name === command.name());
    if (!verb) return;
    (await verb.load()).define(command);
    withoutHelpCommands(command);
  });
  return root;
}

/** `gscip help VERB …` and `--help` are enough: a `help` beside each group of verbs only lengthens the lists. */
function withoutHelpCommands(command: Command): void {
  command.helpCommand(false);
  for (const child of command.commands) withoutHelpCommands(child);
}

/** `gscip help node add` is `gscip node add --help`. */
function helpLast(argv: readonly string[]): readonly string[] {
  return argv[0] === 'help' ? [...argv.slice(1), '--help'] : argv;
}
