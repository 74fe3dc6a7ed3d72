import type { Command } from 'commander';
import type { FamilyCheck, NetcheckAnswer, NetcheckFacts } from '../api/netcheck.ts';
import { GscipError } from '../base/errors.ts';
import { formatAddress } from '../base/ip-address.ts';
import { NAT_RULES, type NatRule } from '../nat/nat-kind.ts';
import { NET_FINDINGS, natName, netFindings } from '../nat/net-findings.ts';
import { DEFAULTS } from '../node/agent-config.ts';
import { bestFirst, type NetworkView, readNetwork, type WayOut } from '../node/network-view.ts';
import { type AgentOptions, agentFlags } from './agent-options.ts';
import { ask } from './control-client.ts';
import { askDoor } from './netcheck-door.ts';
import { examples } from './output.ts';
import { table } from './table.ts';
import { milliseconds, seconds } from './units.ts';

interface NetcheckOptions extends AgentOptions {
  readonly server?: string;
}

/** `gscip netcheck` */
export function define(command: Command): void {
  agentFlags(command)
    .option('--server <host:port>', "a server to knock at, where no agent runs (default: the agent's own)")
    .action(async (options: NetcheckOptions) => {
      const facts = await factsOf(options.socket);
      const view = await readNetwork(facts?.interface ?? DEFAULTS.tun);
      const url = facts?.server.url ?? (options.server === undefined ? null : `wss://${options.server}`);
      const door = url === null ? 'not-asked' : await askDoor(url);
      const answer = judge(facts, view, { url, connected: facts?.server.connected ?? false, door });
      console.log(options.json ? JSON.stringify(answer) : describe(answer));
    });
  examples(command, [
    ['gscip netcheck', 'what this network lets through: UDP, both IP versions, the kind of NAT, relays'],
    ['gscip netcheck --server vpn.example:8443', 'the same before there is an agent, as far as that goes'],
  ]);
}

/** Undefined where no agent runs. */
async function factsOf(socket: string): Promise<NetcheckFacts | undefined> {
  try {
    return await ask<NetcheckFacts>(socket, { verb: 'netcheck' });
  } catch (error) {
    if (error instanceof GscipError && error.code === 'not-running') return undefined;
    throw error;
  }
}

/** Joins what the agent knows with what this machine shows by itself. */
export function judge(
  facts: NetcheckFacts | undefined,
  view: NetworkView,
  server: NetcheckAnswer['server'],
): NetcheckAnswer {
  const nat = facts && {
    ...facts.nat,
    kind: natName({ mapping: rule(facts.nat.mapping), filtering: rule(facts.nat.filtering) }),
  };
  const { coordinators = [], relays = [], mapped = [] } = facts ?? {};
  const outer = [facts?.outer4, facts?.outer6].flatMap((path) => (typeof path === 'string' ? [path] : []));
  const codes = netFindings({
    agent: facts !== undefined,
    isRouted: view.out4 !== undefined || view.out6 !== undefined,
    connected: server.connected,
    door: server.door,
    complete: facts?.complete ?? false,
    udp: facts?.udp ?? 'unknown',
    coordinators: coordinators.map(({ by }) => by === 'udp'),
    relays: relays.map(({ rttMs }) => rttMs !== null),
    nat: facts && { mapping: rule(facts.nat.mapping), filtering: rule(facts.nat.filtering), hairpin: undefined },
    mappedHosts: mapped.map(hostOf),
    outerHosts: outer.map(hostOf),
  });
  const [external] = mapped;
  return {
    schema: 1,
    agent: facts !== undefined,
    udp: facts?.udp ?? 'unknown',
    ipv4: familyOf(view, 4, facts?.outer4 ?? null),
    ipv6: familyOf(view, 6, facts?.outer6 ?? null),
    nat: nat ?? null,
    keepAliveSeconds: facts?.keepAliveSeconds ?? null,
    portMapping: external === undefined ? null : { external, by: facts?.mappedBy ?? null },
    coordinators,
    relays: relays.toSorted((a, b) => (a.rttMs ?? Number.POSITIVE_INFINITY) - (b.rttMs ?? Number.POSITIVE_INFINITY)),
    server,
    findings: codes.map((code) => ({ code, text: NET_FINDINGS[code] })),
  };
}

function rule(name: string): NatRule {
  return NAT_RULES.find((each) => each === name) ?? 'unknown';
}

function hostOf(path: string): string {
  return path.slice(0, path.lastIndexOf(':'));
}

function familyOf(view: NetworkView, family: 4 | 6, outer: string | null): FamilyCheck {
  const way: WayOut | undefined = family === 4 ? view.out4 : view.out6;
  const addresses = bestFirst(view).filter(({ address }) => (address.length === 4) === (family === 4));
  return {
    addresses: addresses.map(({ address }) => formatAddress(address)),
    gateway: way?.gateway ? formatAddress(way.gateway) : null,
    isRouted: way !== undefined,
    outer,
  };
}

function describe(answer: NetcheckAnswer): string {
  const { server, portMapping } = answer;
  const rows = [
    ['UDP', answer.udp],
    ['IPv4', familyText(answer.ipv4)],
    ['IPv6', familyText(answer.ipv6)],
    ['NAT', natText(answer)],
    [
      'port mapping',
      (portMapping && `${portMapping.external} (${portMapping.by ?? 'ended'})`) ?? (answer.agent ? 'none' : 'unknown'),
    ],
    ['server', server.url === null ? 'none' : `${server.url}, ${server.connected ? 'connected' : server.door}`],
    ...answer.coordinators.map(({ address, by }) => [
      'coordinator',
      `${address}, ${by === null ? 'silent' : `answers by ${by.toUpperCase()}`}`,
    ]),
    ...answer.relays.map(({ address, rttMs }) => [
      'relay',
      `${address}, ${rttMs === null ? 'silent' : milliseconds(rttMs)}`,
    ]),
  ];
  const findings = answer.findings.map(({ code, text }) => `  ${code}: ${text}`);
  return `${table(['what', 'found'], rows)}${findings.length === 0 ? '' : `\n\nFindings:\n${findings.join('\n')}`}`;
}

function familyText({ addresses, isRouted, gateway, outer }: FamilyCheck): string {
  if (addresses.length === 0) return 'none';
  const way = isRouted ? (gateway === null ? 'without a gateway' : `by ${gateway}`) : 'no way out';
  return `${addresses.slice(0, 2).join(', ')}, ${way}${outer === null ? '' : `, seen as ${outer}`}`;
}

function natText({ nat, keepAliveSeconds }: NetcheckAnswer): string {
  if (nat === null) return 'unknown';
  const rules = nat.kind === 'unknown' ? '' : ` (mapping: ${nat.mapping}, filter: ${nat.filtering})`;
  const hairpin = nat.hairpin === null ? '' : nat.hairpin ? ', hairpins' : ', no hairpin';
  const alive =
    nat.mapping === 'none' || keepAliveSeconds === null ? '' : `, kept alive every ${seconds(keepAliveSeconds)}`;
  return `${nat.kind}${rules}${hairpin}${alive}`;
}
