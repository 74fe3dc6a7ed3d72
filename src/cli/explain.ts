import type { Command } from 'commander';
import type { ExplainAnswer } from '../api/questions.ts';
import { GscipError } from '../base/errors.ts';
import { type AgentOptions, agentFlags } from './agent-options.ts';
import { ask } from './control-client.ts';
import { wholeNumber } from './numbers.ts';
import { examples } from './output.ts';
import { table } from './table.ts';

const PROTOCOLS: ReadonlyMap<string, number> = new Map([
  ['icmp', 1],
  ['tcp', 6],
  ['udp', 17],
  ['icmp6', 58],
]);

/** `gscip explain SRC DST [PROTO PORT]` */
export function define(command: Command): void {
  agentFlags(command)
    .argument('<source>', 'a node or address the packets come from')
    .argument('<destination>', 'a node or address they go to')
    .argument('[protocol]', 'tcp, udp, icmp, icmp6, or a number', 'tcp')
    .argument('[port]', 'the destination port', wholeNumber(0, 65_535), 0)
    .action(async (source: string, destination: string, name: string, port: number, options: AgentOptions) => {
      const flow = { source, destination, protocol: protocolNumber(name), port };
      const answer = await ask<ExplainAnswer>(options.socket, { verb: 'explain', flow });
      console.log(options.json ? JSON.stringify(answer) : describe(answer));
    });
  examples(command, [['gscip explain laptop server tcp 22', 'which element does what with such packets, and why']]);
}

function protocolNumber(name: string): number {
  const number = PROTOCOLS.get(name.toLowerCase()) ?? Number(name);
  if (Number.isInteger(number) && number >= 0 && number <= 255) return number;
  throw new GscipError('usage', `"${name}" is no protocol`, 'use tcp, udp, icmp, icmp6, or a number from 0 to 255');
}

function describe(answer: ExplainAnswer): string {
  const rows = answer.elements.map((element) => [
    element.name,
    element.type,
    element.mode,
    element.side,
    element.groups.join(', ') || '-',
    element.action,
  ]);
  const elements = table(['element', 'type', 'mode', 'side', 'groups', 'action'], rows);
  return `${elements}\n\nResult: ${answer.result} (rule ${answer.rule}): ${answer.text}`;
}
