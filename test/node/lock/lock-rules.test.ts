import { describe, expect, it } from 'vitest';
import { type GuardPlan, type LockPlan, lockRules, lockTable } from '../../../src/node/lock/lock-rules.ts';
import { parsePrefix } from '../../../src/tun/prefix.ts';

const HOST: LockPlan = { level: 'closed', tun: 'gscip0', isRouter: false, between: undefined };
const ROUTER: LockPlan = { ...HOST, isRouter: true };
const GUARD: GuardPlan = {
  level: 'guard',
  tun: 'gscip0',
  overlay: ['100.64.0.0/10', 'fd12::/48'].map(parsePrefix),
  strange: [],
  routers: [],
};

/** The rules of one chain, without its first line. */
function chain(plan: LockPlan, name: string): string[] {
  const [, body = ''] = lockRules(plan).split(`  chain ${name} {\n`);
  return body
    .slice(0, body.indexOf('\n  }'))
    .split('\n')
    .map((line) => line.trim());
}

describe('the rules of a lock', () => {
  it.each([
    ['of a closed host', HOST],
    ['of a closed router', ROUTER],
    ['of an open node', GUARD],
  ])('%s replace what the table held in one transaction', (_, plan) => {
    const table = 'inet gscip_lock_gscip0';
    expect(lockRules(plan)).toMatch(new RegExp(`^table ${table} \\{\\}\ndelete table ${table}\ntable ${table} \\{\n`));
    expect(lockRules(plan).match(/table /g)).toHaveLength(3);
  });

  it.each([
    ['gscip0', 'inet gscip_lock_gscip0'],
    ['my-tun.1', 'inet gscip_lock_my_tun_1'],
  ])('stand in a table of their own for %s', (tun, table) => expect(lockTable(tun)).toBe(table));

  it.each(['input', 'output', 'forward'])('E3: of a closed node drop in %s what nothing lets pass', (hook) => {
    for (const plan of [HOST, ROUTER])
      expect(chain(plan, hook)[0]).toBe(`type filter hook ${hook} priority raw - 10; policy drop;`);
  });

  it('E3: know the own traffic of a closed node by the mark of its sockets, and by no port or address', () => {
    for (const plan of [HOST, ROUTER]) {
      expect(chain(plan, 'input')).toContain('socket mark 0x00003047 jump own');
      expect(chain(plan, 'output')).toContain('meta mark 0x00003047 accept');
      const ported = lockRules(plan).match(/.*[sd]port \d+.*/g) ?? [];
      // DHCP of both versions is all that has a port
      expect(
        ported.filter((rule) => !/udp sport (67|68|546|547) udp dport (67|68|546|547) accept$/.test(rule)),
      ).toEqual([]);
      expect(lockRules(plan)).not.toMatch(/47247|ct state|skuid/);
    }
  });

  it.each<[string, LockPlan, string, RegExp, boolean]>([
    ['a host asks for addresses', HOST, 'output', /udp sport 68 udp dport 67 accept/, true],
    ['a host gives none', HOST, 'output', /udp sport 67 udp dport 68 accept/, false],
    ['a router gives addresses', ROUTER, 'output', /udp sport 67 udp dport 68 accept/, true],
    ['a host takes router advertisements', HOST, 'input', /nd-router-advert/, true],
    ['a host sends none', HOST, 'output', /nd-router-advert/, false],
    ['a router sends them', ROUTER, 'output', /nd-router-advert/, true],
    ['nobody takes redirects', ROUTER, 'input', /redirect/, false],
    ['nobody answers an echo request', ROUTER, 'input', /echo/, false],
    ['a router tells of packets that are too big', ROUTER, 'output', /packet-too-big/, true],
    ['a host does not', HOST, 'output', /packet-too-big/, false],
  ])('%s', (_, plan, name, rule, isThere) => {
    expect(chain(plan, name).some((each) => rule.test(each))).toBe(isThere);
  });

  it('let a closed router forward to and from the overlay only', () => {
    expect(chain(ROUTER, 'forward').slice(1)).toEqual([
      'iifname "gscip0" accept',
      'oifname "gscip0" accept',
      'counter drop',
    ]);
  });

  it('let a closed router pass on what it protects both ends of, and between named interfaces neither', () => {
    const own = ['10.1.0.0/16', '10.3.0.0/24', 'fd01::/64'].map(parsePrefix);
    const past = (transit: readonly string[], inside = ['lan0', 'lan1']) =>
      chain({ ...HOST, isRouter: true, between: { own, inside, transit, services: [] } }, 'forward').slice(3, -1);
    const within = 'iifname { "lan0", "lan1" } oifname { "lan0", "lan1" }';
    const [four, six] = ['{ 10.1.0.0/16, 10.3.0.0/24 }', '{ fd01::/64 }'];
    const both = [
      `${within} ip saddr ${four} ip daddr ${four} accept`,
      `${within} ip6 saddr ${six} ip6 daddr ${six} accept`,
    ];
    expect(past([])).toEqual(both);
    const outside = 'iifname { "wan0", "wan1" } oifname { "wan0", "wan1" }';
    const neither = [
      `${outside} ip saddr != ${four} ip daddr != ${four} accept`,
      `${outside} ip6 saddr != ${six} ip6 daddr != ${six} accept`,
    ];
    expect(past(['wan0', 'wan1', 'lan1'])).toEqual([both[0], neither[0], both[1], neither[1]]);
    // nobody is behind it where no interface leads there, and everybody is a stranger where it serves nothing
    expect(past(['wan0', 'wan1'], [])).toEqual(neither);
    const empty = { ...HOST, between: { own: [], inside: [], transit: ['wan0', 'wan1'], services: [] } };
    expect(chain(empty, 'forward').slice(3, -1)).toEqual([
      `${outside} meta nfproto ipv4 accept`,
      `${outside} meta nfproto ipv6 accept`,
    ]);
  });

  it('C5: let the inside of a closed router reach the addresses and ports that it is given, and be answered', () => {
    const own = ['10.1.0.0/16', 'fd01::/64'].map(parsePrefix);
    const services = [
      { family: 4, address: '192.0.2.9', protocol: 'tcp', port: 47_247 },
      { family: 4, address: '192.0.2.9', protocol: 'udp', port: 47_247 },
      { family: 4, address: '192.0.2.9', protocol: 'udp', port: 47_249 },
    ] as const;
    const rules = (inside: readonly string[]) =>
      chain({ ...HOST, isRouter: true, between: { own, inside, transit: [], services } }, 'forward').slice(2, -1);
    const within = (protocol: string, places: string) => {
      const out = `iifname { "lan0" } ip saddr { 10.1.0.0/16 } ip daddr . ${protocol} dport { ${places} }`;
      return [
        `${out} ct state established accept`,
        `${out} ct state new limit rate 50/second burst 200 packets accept`,
        `ip daddr { 10.1.0.0/16 } ip saddr . ${protocol} sport { ${places} } ct state established accept`,
        'ct state related ct original ip saddr { 10.1.0.0/16 } ct original ip daddr { 192.0.2.9 } meta l4proto { icmp, icmpv6 } accept',
      ];
    };
    const places = ['192.0.2.9 . 47247', '192.0.2.9 . 47247, 192.0.2.9 . 47249'];
    const passing = [...within('tcp', places[0]), ...within('udp', places[1])];
    expect(rules(['lan0']).filter((rule) => rule.includes('ct '))).toEqual(passing);
    expect(rules([]).filter((rule) => rule.includes('ct '))).toEqual([]);
  });

  it('C1: of an open node keep overlay addresses from every other interface, and nothing else', () => {
    expect(lockRules(GUARD)).toContain('elements = { 100.64.0.0/10 };');
    expect(lockRules(GUARD)).toContain('elements = { fd12::/48 };');
    for (const hook of ['input', 'output', 'forward']) {
      expect(chain(GUARD, hook)[0]).toContain('policy accept;');
      const verdicts = chain(GUARD, hook).filter((rule) => /drop|reject/.test(rule));
      expect(verdicts.length).toBeGreaterThan(1);
      for (const rule of verdicts) expect(rule).toMatch(/@overlay[46] counter/);
    }
  });

  it('C1: hold back a network with the addresses of a member, but for its link, its routers and the own sockets', () => {
    const strange = ['192.168.7.0/24', 'fd07::/64'].map(parsePrefix);
    const plan: LockPlan = { ...GUARD, strange, routers: ['192.168.7.1', 'fe80::1'].map(parsePrefix) };
    expect(lockRules(plan)).toContain(
      'set strange4 { type ipv4_addr; flags interval; auto-merge; elements = { 192.168.7.0/24 }; }',
    );
    expect(lockRules(plan)).toContain(
      'set routers6 { type ipv6_addr; flags interval; auto-merge; elements = { fe80::1/128 }; }',
    );
    for (const v of [4, 6]) {
      const ip = v === 4 ? 'ip' : 'ip6';
      expect(chain(plan, 'output')).toContain(`${ip} daddr @strange${v} jump to_strange`);
      expect(chain(plan, 'input')).toContain(`${ip} saddr @strange${v} jump from_strange`);
      expect(chain(plan, 'forward')).toContain(`${ip} daddr @strange${v} counter name guard-lan-not-proved drop`);
      expect(chain(plan, 'to_strange')).toContain(`${ip} daddr @routers${v} accept`);
    }
    expect(chain(plan, 'to_strange')[0]).toBe('meta mark 0x00003047 accept');
    expect(chain(plan, 'from_strange')[0]).toBe('socket mark 0x00003047 accept');
    for (const name of ['to_strange', 'from_strange'])
      expect(chain(plan, name).at(-1)).toMatch(/^counter name guard-lan-not-proved (drop|reject)/);
    expect(lockRules(GUARD)).not.toMatch(/@strange|@routers|_strange/);
  });

  it('hold where there is no address of a family', () => {
    expect(lockRules({ ...GUARD, overlay: [] })).not.toContain('elements');
  });
});
