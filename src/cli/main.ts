import { runCli } from './run-cli.ts';

/** These go on whether or not somebody reads what they print. */
const SERVICES = ['up', 'server'];

// a reader may have seen enough, as `head` does
process.stdout.on('error', () => {
  if (!SERVICES.includes(process.argv[2] ?? '')) process.exit();
});

process.exitCode = await runCli(process.argv.slice(2));
