import type { Command } from 'commander';
import type { PingAnswer } from '../api/questions.ts';
import { type AgentOptions, agentFlags } from './agent-options.ts';
import { ask } from './control-client.ts';
import { wholeNumber } from './numbers.ts';
import { examples } from './output.ts';
import { milliseconds } from './units.ts';

interface PingOptions extends AgentOptions {
  readonly count: number;
  readonly timeout: number;
}

/** `gscip ping NAME` */
export function define(command: Command): void {
  agentFlags(command)
    .argument('<name>', 'a peer, by its name or overlay address')
    .option('-c, --count <n>', 'how many round trips', wholeNumber(1, 1_000), 4)
    .option('--timeout <seconds>', 'how long to wait for each', wholeNumber(1, 60), 2)
    .action(async (target: string, options: PingOptions) => {
      const timeoutMs = options.timeout * 1_000;
      const answer = await ask<PingAnswer>(options.socket, { verb: 'ping', target, count: options.count, timeoutMs });
      console.log(options.json ? JSON.stringify(answer) : describe(answer));
      if (answer.replies.length === 0) process.exitCode = 1;
    });
  examples(command, [['gscip ping laptop', 'round trips through the overlay, and whether the path is direct']]);
}

function describe(answer: PingAnswer): string {
  const lines = answer.replies.map(
    (reply) => `answer from ${answer.target} (${answer.address}) by ${reply.path} in ${milliseconds(reply.rttMs)}`,
  );
  return [...lines, `${answer.sent} sent, ${answer.lost} lost`].join('\n');
}
