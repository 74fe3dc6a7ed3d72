import { type Millis, millis, unixSeconds } from '../../src/base/brands.ts';
import { LeaseClock } from '../../src/crypto/lease-clock.ts';
import { nodeProvider } from '../../src/crypto/node-provider.ts';
import { type CachedKeys, decodeCachedKeys, encodeCachedKeys } from '../../src/node/cached-keys.ts';
import { verifyCachedKeys } from '../../src/node/resumed-keys.ts';
import type { ServedTerms } from './authority.ts';
import { type SimNode, type SimOptions, World } from './world.ts';

const DAY = 86_400;

/** A server in front of the authority: who asks for newer keys gets a bundle a little later. */
export class Server {
  /** while false, nobody gets anything */
  up = true;
  /** from the wish for newer keys to their coming, in milliseconds */
  delay = 20;
  /** bundles given because a node asked, by node */
  readonly fetches = new Map<string, number>();
  readonly #world: World;
  readonly #heard = new WeakMap<SimNode, number>();
  #pending: { readonly node: SimNode; readonly at: Millis }[] = [];

  constructor(world: World) {
    this.#world = world;
    world.meanwhile = () => this.#serve();
  }

  /** Gives its newest keys to nodes that are connected all the time. */
  push(...nodes: readonly SimNode[]): void {
    for (const node of nodes)
      if (this.#world.authority.isNode(node.name)) this.#world.launch(node, node.reload(this.#world));
  }

  #serve(): void {
    const { now } = this.#world;
    for (const node of this.#world.all()) {
      const from = this.#heard.get(node) ?? 0;
      this.#heard.set(node, node.log.length);
      const asks = node.log.slice(from).some(({ kind }) => kind === 'refresh');
      if (asks && this.up) this.#pending.push({ node, at: millis(now + this.delay) });
    }
    const due = this.#pending.filter(({ at }) => at <= now);
    this.#pending = this.#pending.filter(({ at }) => at > now);
    for (const { node } of due) {
      if (!this.up) continue;
      this.fetches.set(node.name, (this.fetches.get(node.name) ?? 0) + 1);
      this.push(node);
    }
  }
}

/** Members of one group of a network with a server; all of them hold the newest keys. */
export function served(names: readonly string[], terms: Partial<ServedTerms> = {}, options: SimOptions = {}) {
  const world = new World(`served ${names.join(' ')}`);
  world.authority.group('office');
  for (const name of names) world.authority.add(name, ['office']);
  world.authority.served = { retain: 'migrate', lease: 3 * DAY, ...terms };
  const nodes = names.map((name, at) => world.node(name, `10.0.0.${at + 1}:47247`, { served: true, ...options }));
  const server = new Server(world);
  return { world, server, nodes };
}

/** A node's process ends, and starts again with what it kept, as it does when no server answers. */
export function restartFromCache(
  world: World,
  node: SimNode,
  options: SimOptions = {},
  kept: CachedKeys = node.keys.toCache(),
): SimNode {
  const { edSecret, caPart } = node.keys.identity();
  const edSeed = edSecret.slice();
  const cached = decodeCachedKeys(encodeCachedKeys(kept));
  const keys = cached && verifyCachedKeys(nodeProvider, cached, caPart.edPk, world.wall());
  if (keys === undefined || typeof keys === 'string') throw new Error(`kept keys: ${keys}`);
  const persisted = node.keys.persistent();
  const { clockError } = node;
  const clock = new LeaseClock({ lease: unixSeconds(persisted.leaseClock), told: world.wall(), at: world.now });
  const resumed = { keys, edSeed, clock };
  return world.restart(node, { clockError, ...options, served: true, persisted, resumed });
}

/** The versions whose key a node still has. */
export function keysHeld(node: SimNode): number[] {
  return node.keys
    .groups()
    .flatMap(({ versions }) => versions.flatMap(({ v, kPsk }) => (kPsk === undefined ? [] : [v])));
}

/** Versions of the SAs that a node sends on towards another one. */
export function sendsUnder(node: SimNode, peer: SimNode): number[] {
  const { sas } = node.engine.node;
  const id = peer.keys.self().id;
  return [...sas.sas()].filter((sa) => sa.peer === id && sas.isSender(sa)).map(({ version }) => version);
}
