import { describe, expect, it } from 'vitest';
import { neighbours, obstacleLine } from '../../../src/node/gateway/obstacles.ts';

const base = (table: string, name: string, hook: string, policy: string, type = 'filter', family = 'ip') => ({
  chain: { family, table, name, handle: 1, type, hook, prio: 0, policy },
});
const plain = (table: string, name: string, family = 'ip') => ({ chain: { family, table, name, handle: 1 } });
const rule = (table: string, chain: string, expr: readonly object[], family = 'ip') => ({
  rule: { family, table, chain, handle: 1, expr },
});
const meta = (key: string, right: string) => ({ match: { op: '==', left: { meta: { key } }, right } });
const accept = { accept: null };
const own = (table: string) => table.startsWith('gscip_');

const docker = [
  base('filter', 'FORWARD', 'forward', 'drop'),
  plain('filter', 'DOCKER-USER'),
  rule('filter', 'FORWARD', [{ jump: { target: 'DOCKER-USER' } }]),
];
const bothWays = [
  rule('filter', 'DOCKER-USER', [meta('iifname', 'gscip0'), accept]),
  rule('filter', 'DOCKER-USER', [meta('oifname', 'gscip0'), { counter: { packets: 1, bytes: 2 } }, accept]),
];

describe("other programs' tables", () => {
  it.each<[string, readonly object[], string[]]>([
    ['that are not there stop nothing', [], []],
    ['that accept what they do not know stop nothing', [base('filter', 'FORWARD', 'forward', 'accept')], []],
    ['of Docker drop what they do not know', docker, ['docker']],
    ["of Docker let through what the administrator's chain accepts", [...docker, ...bothWays], []],
    ['must let both ways through', [...docker, bothWays[0] ?? {}], ['docker']],
    [
      'must name our interface',
      [...docker, rule('filter', 'DOCKER-USER', [meta('iifname', 'gscip1'), meta('oifname', 'gscip1'), accept])],
      ['docker'],
    ],
    [
      'are told apart by family',
      [...docker, ...bothWays, base('filter', 'FORWARD', 'forward', 'drop', 'filter', 'ip6')],
      ['unknown'],
    ],
    ['of ufw', [base('filter', 'FORWARD', 'forward', 'drop'), plain('filter', 'ufw-user-forward')], ['ufw']],
    [
      'of firewalld end with a rule that rejects all',
      [
        base('firewalld', 'filter_FORWARD', 'forward', 'accept', 'filter', 'inet'),
        rule('firewalld', 'filter_FORWARD', [{ reject: { type: 'icmpx', expr: 'admin-prohibited' } }], 'inet'),
      ],
      ['firewalld'],
    ],
    [
      'may drop some packets by a rule with a condition',
      [base('t', 'forward', 'forward', 'accept'), rule('t', 'forward', [meta('iifname', 'wan'), { drop: null }])],
      [],
    ],
    ['of the node itself are none', [base('gscip_lock', 'forward', 'forward', 'drop')], []],
    ['that guard the machine itself are none', [base('filter', 'INPUT', 'input', 'drop')], []],
    ['in a form that nobody knows are none', [{ chain: 7 }, {}, { rule: { expr: 'x' } }], []],
  ])('%s', (_, ruleset, owners) => {
    expect(neighbours(ruleset, 'gscip0', own).obstacles.map(({ owner }) => owner)).toEqual(owners);
  });

  it('are changed by the commands of the program whose they are', () => {
    const [found] = neighbours(docker, 'gscip0', own).obstacles;
    const line = found && obstacleLine(found, 'gscip0');
    expect(line?.code).toBe('gateway-blocked');
    expect(line?.text).toContain('FORWARD of the table ip filter');
    expect(line?.text).toContain('iptables -I DOCKER-USER -i gscip0 -j ACCEPT; iptables -I DOCKER-USER -o gscip0');
  });

  it('translate sources where a chain that may do so has rules', () => {
    const chain = base('nat', 'POSTROUTING', 'postrouting', 'accept', 'nat');
    const masquerade = rule('nat', 'POSTROUTING', [{ masquerade: null }]);
    expect([[chain], [chain, masquerade]].map((rules) => neighbours(rules, 'gscip0', own).translates)).toEqual([
      false,
      true,
    ]);
  });
});
