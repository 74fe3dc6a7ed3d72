import type { Command } from 'commander';
import { DEFAULT_SOCKET } from './control-client.ts';
import { jsonFlag } from './output.ts';

/** Options of every verb that talks to the running agent. */
export interface AgentOptions {
  readonly socket: string;
  readonly json?: boolean;
}

/** Adds `--socket`, and `--json` with what it means here where that is not the usual. */
export function agentFlags(command: Command, json?: string): Command {
  return jsonFlag(command, json).option('--socket <path>', "the agent's control socket", DEFAULT_SOCKET);
}
