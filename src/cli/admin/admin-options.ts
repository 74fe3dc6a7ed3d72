import type { Command } from 'commander';
import { jsonFlag, printJson } from '../output.ts';
import { ADMIN_SOCKETS, AdminClient } from './admin-client.ts';

/** Options of every command that asks a server. */
export interface AdminOptions {
  readonly socket?: string;
  readonly json?: boolean;
}

/** Adds `--socket` and `--json`. */
export function adminFlags(command: Command): Command {
  return jsonFlag(command).option('--socket <path>', `the server's socket (default: ${ADMIN_SOCKETS.join(', then ')})`);
}

export function clientFor({ socket }: AdminOptions): AdminClient {
  return new AdminClient(socket);
}

/** Prints an answer: the object of the API for programs, the text for people. */
export function show<T extends object>({ json }: AdminOptions, answer: T, describe: (answer: T) => string): void {
  if (json) printJson({ ...answer });
  else console.log(describe(answer));
}
