import type { Command } from 'commander';
import type { ExplainAnswer, ExplainEnd, ExplainLive, ExplainNote } from '../api/questions.ts';
import { GscipError } from '../base/errors.ts';
import { type AgentOptions, agentFlags } from './agent-options.ts';
import { ask } from './control-client.ts';
import { wholeNumber } from './numbers.ts';
import { examples } from './output.ts';
import { pitTable, relayedTable } from './pit/flow-table.ts';
import { table } from './table.ts';

const PROTOCOLS: ReadonlyMap<string, number> = new Map([
  ['icmp', 1],
  ['tcp', 6],
  ['udp', 17],
  ['icmp6', 58],
]);

const READING = `
Each row is an element on the path, as far as this node knows it: what it is, whose side it is on (S source, D destination, N neither,
B both), its groups with their key versions, what it does, and the rule of the decision table that gave it. Elements between this
node and a peer are known after their first handshake.`;

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
      console.log(options.json ? JSON.stringify(answer) : describeExplanation(answer));
    });
  command.addHelpText('after', READING);
  examples(command, [
    ['gscip explain laptop server tcp 22', 'which element does what with such packets, and why'],
    ['gscip explain 192.168.1.20 server', 'for a plain machine behind a router of the network'],
    ['gscip explain laptop 198.51.100.7', 'towards somebody who is in no network'],
  ]);
}

function protocolNumber(name: string): number {
  const number = PROTOCOLS.get(name.toLowerCase()) ?? Number(name);
  if (Number.isInteger(number) && number >= 0 && number <= 255) return number;
  throw new GscipError('usage', `"${name}" is no protocol`, 'use tcp, udp, icmp, icmp6, or a number from 0 to 255');
}

/** The answer as people read it. */
export function describeExplanation(answer: ExplainAnswer): string {
  const rows = answer.elements.map((element) => [
    element.name,
    element.type,
    element.mode,
    element.side,
    element.groups.join(', ') || '-',
    element.action,
    `${element.rule}`,
  ]);
  const lines = [
    table(['element', 'type', 'mode', 'side', 'groups', 'action', 'rule'], rows),
    '',
    ...[answer.source, answer.destination].flatMap(endLine),
    `Result: ${answer.result} (rule ${answer.ruleNumber}, ${answer.rule}): ${answer.text}`,
    ...(answer.remedy === '' ? [] : [`To do:  ${answer.remedy}`]),
    ...answer.notes.flatMap(noteLines),
    ...(answer.now ? liveLines(answer.now) : [NOT_AN_END]),
  ];
  return lines.join('\n');
}

const NOT_AN_END =
  'This node is neither end: it knows only groups that it is in itself. Ask on one of the two to be sure.';

function endLine({ asked, node, behind, alsoGivenTo }: ExplainEnd): string[] {
  if (node === null) return [`${asked} belongs to no node of the network.`];
  const rivals = alsoGivenTo.length === 0 ? '' : ` The same network was given to ${alsoGivenTo.join(', ')}, too.`;
  return behind ? [`${asked} is behind ${node}.${rivals}`] : [];
}

function noteLines({ counter, total, seen, agoSeconds, text, remedy }: ExplainNote): string[] {
  const pair = agoSeconds === null ? '' : `, ${seen} of these two, the last ${agoSeconds} s ago`;
  return [`Note:   ${text} (${counter}: ${total}${pair})`, ...(remedy === '' ? [] : [`        ${remedy}`])];
}

function liveLines({ path, flows, blocked, relayed }: ExplainLive): string[] {
  const way = path === null ? [] : [`Now:    ${path.kind}${path.endpoint ? ` ${path.endpoint}` : ''}: ${path.text}`];
  const dropped = blocked
    ? [
        `Now:    dropped (${blocked.reason}): ${blocked.text}${blocked.remedy === '' ? '' : `\nTo do:  ${blocked.remedy}`}`,
      ]
    : [];
  const passing = relayed.length === 0 ? [] : ['', relayedTable(relayed)];
  return [...way, ...dropped, ...passing, ...(flows.length === 0 ? [] : ['', pitTable(flows)])];
}
