import type { HealthLine } from '../../api/status.ts';

/** A chain of another program through which forwarded packets do not get by themselves. */
export interface Obstacle {
  readonly family: string;
  readonly table: string;
  readonly chain: string;
  /** whose rules these look like, which decides how they are changed */
  readonly owner: 'docker' | 'ufw' | 'firewalld' | 'unknown';
}

/** What the machine's other tables mean for a GEN; they are read, and never changed. */
export interface Neighbours {
  readonly obstacles: readonly Obstacle[];
  /** some chain of theirs may rewrite source addresses */
  readonly translates: boolean;
}

interface Chain {
  readonly family: string;
  readonly table: string;
  readonly name: string;
  readonly hook: string;
  readonly type: string;
  readonly policy: string;
}

interface Rule {
  readonly family: string;
  readonly table: string;
  readonly chain: string;
  readonly expr: readonly unknown[];
}

/** Reads `nft -j list ruleset`; `own` names the tables that are the node's. */
export function neighbours(ruleset: readonly unknown[], tun: string, own: (table: string) => boolean): Neighbours {
  const chains = ruleset.flatMap(chainOf).filter(({ table }) => !own(table));
  const rules = ruleset.flatMap(ruleOf).filter(({ table }) => !own(table));
  const obstacles = chains
    .filter(({ hook, type }) => hook === 'forward' && type === 'filter')
    .filter((chain) => closes(chain, rules) && !letsThrough(chain, rules, tun))
    .map((chain) => ({
      family: chain.family,
      table: chain.table,
      chain: chain.name,
      owner: ownerOf(chain, chains, ruleset),
    }));
  const translating = chains.filter(({ hook, type }) => hook === 'postrouting' && type === 'nat');
  return { obstacles, translates: translating.some((chain) => rules.some((rule) => isIn(rule, chain))) };
}

/** How an administrator lets the overlay through, in the words of whose tables they are. */
export function obstacleLine({ family, table, chain, owner }: Obstacle, tun: string): HealthLine {
  const where = `the chain ${chain} of the table ${family} ${table}`;
  return {
    code: 'gateway-blocked',
    text: `${where} drops what it does not know, and with it what this node forwards; ${remedy({ family, table, chain, owner }, tun)}`,
  };
}

function remedy({ family, table, chain, owner }: Obstacle, tun: string): string {
  switch (owner) {
    case 'docker': {
      const tables = family === 'ip6' ? 'ip6tables' : 'iptables';
      return `Docker leaves DOCKER-USER to you: ${tables} -I DOCKER-USER -i ${tun} -j ACCEPT; ${tables} -I DOCKER-USER -o ${tun} -j ACCEPT`;
    }
    case 'ufw':
      return `with ufw: ufw route allow in on ${tun}; ufw route allow out on ${tun}`;
    case 'firewalld':
      return `with firewalld: put ${tun} and the inside interface into one zone that forwards, as in firewall-cmd --permanent --zone=internal --add-interface=${tun} --add-forward`;
    case 'unknown':
      return `accept it there: nft insert rule ${family} ${table} ${chain} iifname ${tun} accept; nft insert rule ${family} ${table} ${chain} oifname ${tun} accept`;
  }
}

/** By its policy, or by a last rule that takes everything. */
function closes(chain: Chain, rules: readonly Rule[]): boolean {
  if (chain.policy === 'drop') return true;
  const last = rules.findLast((rule) => isIn(rule, chain));
  if (!last) return false;
  return (
    last.expr.some((each) => has(each, 'drop') || has(each, 'reject')) && last.expr.every((each) => !has(each, 'match'))
  );
}

/** Somewhere in the table both ways of the overlay's interface are accepted by name. */
function letsThrough({ family, table }: Chain, rules: readonly Rule[], tun: string): boolean {
  const accepting = rules.filter(
    (rule) => rule.family === family && rule.table === table && rule.expr.some((each) => has(each, 'accept')),
  );
  return ['iifname', 'oifname'].every((key) =>
    accepting.some(({ expr }) => expr.some((each) => isMatch(each, key, tun))),
  );
}

function ownerOf({ family, table }: Chain, chains: readonly Chain[], ruleset: readonly unknown[]): Obstacle['owner'] {
  const names = ruleset.flatMap(chainNameOf).filter((each) => each.family === family && each.table === table);
  if (table === 'firewalld') return 'firewalld';
  if (names.some(({ name }) => name.startsWith('ufw'))) return 'ufw';
  if (names.some(({ name }) => name === 'DOCKER-USER') || chains.some(({ name }) => name === 'DOCKER-USER'))
    return 'docker';
  return 'unknown';
}

function isIn(rule: Rule, { family, table, name }: Chain): boolean {
  return rule.family === family && rule.table === table && rule.chain === name;
}

/** Base chains only: the others are reached from them. */
function chainOf(item: unknown): Chain[] {
  const chain = field(item, 'chain');
  const [family, table, name] = ['family', 'table', 'name'].map((key) => text(chain, key));
  const hook = text(chain, 'hook');
  return hook === '' ? [] : [{ family, table, name, hook, type: text(chain, 'type'), policy: text(chain, 'policy') }];
}

function chainNameOf(item: unknown): { readonly family: string; readonly table: string; readonly name: string }[] {
  const chain = field(item, 'chain');
  return chain === undefined
    ? []
    : [{ family: text(chain, 'family'), table: text(chain, 'table'), name: text(chain, 'name') }];
}

function ruleOf(item: unknown): Rule[] {
  const rule = field(item, 'rule');
  const expr = field(rule, 'expr');
  if (!Array.isArray(expr)) return [];
  return [{ family: text(rule, 'family'), table: text(rule, 'table'), chain: text(rule, 'chain'), expr }];
}

function isMatch(item: unknown, key: string, value: string): boolean {
  const match = field(item, 'match');
  return text(field(field(match, 'left'), 'meta'), 'key') === key && text(match, 'right') === value;
}

function has(item: unknown, key: string): boolean {
  return typeof item === 'object' && item !== null && key in item;
}

function field(item: unknown, key: string): unknown {
  return typeof item === 'object' && item !== null
    ? Object.entries(item).find(([name]) => name === key)?.[1]
    : undefined;
}

function text(item: unknown, key: string): string {
  const value = field(item, key);
  return typeof value === 'string' ? value : '';
}
