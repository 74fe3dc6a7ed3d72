import { fillDomainRing } from '../../../src/crypto/bundle-verify.ts';
import { DomainRing } from '../../../src/crypto/domain-ring.ts';
import { nodeProvider } from '../../../src/crypto/node-provider.ts';
import type { Pick } from '../../dprp/random-network.ts';
import { Below } from '../element/below.ts';
import { text } from '../inner-kit.ts';
import { type SimNode, World } from '../world.ts';
import type { DomainSecrets } from './forgery.ts';

/** A flow between two nodes, or what is behind them. */
export interface Talk {
  readonly from: SimNode;
  readonly to: SimNode;
  readonly source: string;
  readonly destination: string;
  /** whether the two have a group in common */
  readonly isAllowed: boolean;
}

/** A small network before anything was sent. */
export interface Scene {
  readonly name: string;
  readonly world: World;
  readonly talks: readonly Talk[];
  /** what a member of the domain holds that is in none of the groups */
  readonly domain: DomainSecrets;
  /** networks of GENs, in which an attacker may say that somebody is */
  readonly networks: readonly string[];
}

type Mode = 'op' | 'cl';

/** Which network a seed draws: two machines, with a stranger to their group, GENs with plain terminals, elements in between. */
export function drawScene(pick: Pick, seed: number): Scene {
  const mode = (): Mode => (pick(3) === 0 ? 'cl' : 'op');
  const kind = pick(20);
  if (kind < 6) return two(seed, mode);
  if (kind < 11) return three(seed, mode);
  if (kind < 16) return gateways(seed, mode);
  if (kind < 19) return below(seed, mode);
  return nested(seed, mode);
}

function two(seed: number, mode: () => Mode): Scene {
  const world = new World(`attack ${seed}`);
  world.authority.group('office');
  for (const name of ['a', 'b']) world.authority.add(name, ['office'], [], mode());
  const [a, b] = join(world, ['a', 'b']);
  return scene('two', world, bothWays(a, b));
}

/** `c` is enrolled, too, but in a group of its own with `b`. */
function three(seed: number, mode: () => Mode): Scene {
  const world = new World(`attack ${seed}`);
  for (const group of ['office', 'yard']) world.authority.group(group);
  world.authority.add('a', ['office'], [], mode());
  world.authority.add('b', ['office', 'yard'], [], mode());
  world.authority.add('c', ['yard'], [], mode());
  const [a, b, c] = join(world, ['a', 'b', 'c']);
  const apart = bothWays(a, c).map((talk) => ({ ...talk, isAllowed: false }));
  return scene('three', world, [...bothWays(a, b), ...bothWays(c, b), ...apart]);
}

/** Two GENs with plain terminals, by IPv4 and IPv6, and a member of their group. */
function gateways(seed: number, mode: () => Mode): Scene {
  const world = new World(`attack ${seed}`);
  world.authority.group('office');
  world.authority.add('gate', ['office'], ['10.9.0.0/24', 'fd09::/64'], mode());
  world.authority.add('far', ['office'], ['10.8.0.0/16'], mode());
  world.authority.add('m', ['office'], [], mode());
  const [gate, far, m] = join(world, ['gate', 'far', 'm']);
  const talks = [
    talk(m, gate, text(m), '10.9.0.5'),
    talk(gate, m, '10.9.0.5', text(m)),
    talk(gate, far, '10.9.0.6', '10.8.1.1'),
    talk(far, gate, '10.8.1.1', '10.9.0.6'),
    talk(m, gate, text(m, 6), 'fd09::5'),
  ];
  return { ...scene('gateways', world, talks), networks: ['10.9.0.66', '10.8.3.3'] };
}

/** `a` below the GEN `g`, which is in no group of theirs; `b` outside. */
function below(seed: number, mode: () => Mode): Scene {
  const net = new Below(`attack ${seed}`);
  const b = net.ges('b', '192.0.2.9:47247', undefined, ['office'], mode());
  const g = net.gen('g', '192.0.2.1:47247', undefined, '10.1.0.0/16', mode());
  const a = net.ges('a', '10.1.0.5:47247', g, ['office'], mode());
  net.isSeenAt(a, g);
  net.settle([a, g]);
  return scene('below', net.world, bothWays(a, b));
}

/** `a` below `gi` below `go`. */
function nested(seed: number, mode: () => Mode): Scene {
  const net = new Below(`attack ${seed}`);
  const b = net.ges('b', '192.0.2.9:47247', undefined, ['office'], mode());
  const go = net.gen('go', '192.0.2.1:47247', undefined, '10.1.0.0/16', mode());
  const gi = net.gen('gi', '10.1.0.2:47247', go, '10.1.7.0/24', mode());
  const a = net.ges('a', '10.1.7.5:47247', gi, ['office'], mode());
  net.isSeenAt(a, go);
  net.settle([gi, go], [a, gi]);
  return scene('nested', net.world, bothWays(a, b));
}

function join(world: World, names: readonly string[]): SimNode[] {
  return names.map((name, at) => world.node(name, `192.0.2.${at + 1}:47247`));
}

function bothWays(a: SimNode, b: SimNode): Talk[] {
  return [talk(a, b, text(a), text(b)), talk(b, a, text(b), text(a))];
}

function talk(from: SimNode, to: SimNode, source: string, destination: string): Talk {
  return { from, to, source, destination, isAllowed: true };
}

function scene(name: string, world: World, talks: readonly Talk[]): Scene {
  world.authority.group('outsiders');
  world.authority.add('eve', ['outsiders']);
  const ring = new DomainRing();
  fillDomainRing(nodeProvider, ring, world.authority.bundle('eve').bundle);
  const [domain] = ring.versions(world.wall());
  return { name, world, talks, domain, networks: [] };
}
