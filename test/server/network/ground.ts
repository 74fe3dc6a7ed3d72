import type { Holding } from '../../../src/api/channel/node-message.ts';
import type { GroupId, NodeId } from '../../../src/base/brands.ts';
import { unixSeconds } from '../../../src/base/brands.ts';
import { type HeldRoster, openBundle, type VerifiedBundle } from '../../../src/crypto/bundle-verify.ts';
import { nodeProvider } from '../../../src/crypto/node-provider.ts';
import { enrol } from '../../../src/server/network/commands/enrol.ts';
import { addGroup } from '../../../src/server/network/commands/groups.ts';
import { createToken, type TokenRequest } from '../../../src/server/network/commands/tokens.ts';
import { addUser } from '../../../src/server/network/commands/users.ts';
import { type Draft, type View, viewOf } from '../../../src/server/network/draft.ts';
import { admitWaiting } from '../../../src/server/network/membership.ts';
import { type NetworkRequest, newNetwork } from '../../../src/server/network/new-network.ts';
import type { NodeRow } from '../../../src/server/network/state.ts';
import type { Tools } from '../../../src/server/network/tools.ts';
import { type NoUpdate, updateFor } from '../../../src/server/network/updates.ts';
import { type MemoryStore, memoryStore } from '../memory-store.ts';

/** A moment at noon, UTC. */
export const START = 1_800_014_400;

/** A server without a shell: a store in memory, a clock that tests set, and randomness that is the same in every run. */
export class World {
  readonly store: MemoryStore;
  readonly view: View;
  now = START;
  #calls = 0;
  #nodes = 0;

  constructor(store: MemoryStore = memoryStore()) {
    this.store = store;
    this.view = viewOf(store.state);
  }

  get tools(): Tools {
    return { provider: nodeProvider, random: (length) => this.#random(length), now: unixSeconds(this.now) };
  }

  run<T>(command: (tools: Tools, draft: Draft) => T): T {
    return this.store.runNow({ kind: 'local', name: 'test' }, 'test', (draft) => command(this.tools, draft));
  }

  /** Makes a token and redeems it by a new machine. */
  join(request: Partial<TokenRequest> & { readonly name?: string } = {}): NodeRow {
    const full = { user: 'anna', groups: ['lab'], ...request };
    const token = this.run((tools, draft) => createToken(tools, draft, full, 'test'));
    return this.redeem(token.id, request.name);
  }

  /** A machine, by default a new one, redeems a token that it knows. */
  redeem(tokenId: string, name = 'node', machine = ++this.#nodes): NodeRow {
    const covered = new Uint8Array(32).fill(7);
    const secret = this.view.get('tokens', tokenId)?.secret ?? new Uint8Array(32);
    const proof = { covered, mac: nodeProvider.hmac(secret, covered) };
    const order = { token: tokenId, name, edPublic: edPublicOf(machine), ...proof };
    return this.run((tools, draft) => enrol(tools, draft, order)).node;
  }

  #random(length: number): Uint8Array {
    this.#calls += 1;
    const input = new Uint8Array(4);
    new DataView(input.buffer).setUint32(0, this.#calls);
    return nodeProvider.hkdfExpand(nodeProvider.sha256(input), input, length);
  }
}

export function edPublicOf(machine: number): Uint8Array {
  const seed = nodeProvider.sha256(Uint8Array.of(1, machine >> 8, machine & 0xff));
  return nodeProvider.ed25519KeyPair(seed).publicKey;
}

/** A network with the user anna and the groups lab and home. */
export function world(request: Partial<NetworkRequest> = {}): World {
  const made = new World();
  made.run((tools, draft) => {
    newNetwork(tools, draft, { network: 'test', ...request });
    addUser(tools, draft, 'anna');
    addGroup(tools, draft, { name: 'lab' });
    addGroup(tools, draft, { name: 'home' });
  });
  return made;
}

/** A node as the server sees it: it takes updates, verifies them, and remembers what it was given. */
export class Member {
  readonly id: NodeId;
  readonly #world: World;
  readonly #edPublic: Uint8Array;
  #held = new Map<GroupId, HeldRoster>();
  have: Holding = { number: 0, groups: [] };
  /** every RN2 that it was ever given, by "group/v", in hex */
  readonly given = new Map<string, string>();
  /** names of the peers that it was told of */
  readonly peers = new Map<NodeId, string>();
  last: VerifiedBundle | undefined;

  constructor(world: World, node: NodeRow) {
    this.#world = world;
    this.id = node.id;
    this.#edPublic = node.edPublic;
  }

  /** Asks for what it lacks; `whole`: for all. Throws when what comes does not open. */
  fetch({ whole = false, lease = false } = {}): NoUpdate | VerifiedBundle {
    const { tools, view } = this.#world;
    const have = whole ? { number: 0, groups: [] } : this.have;
    const update = updateFor(tools, view, this.id, have, { lease });
    if (typeof update === 'string') return update;
    const trust = { number: this.have.number, edPublic: this.#edPublic, held: this.#held };
    const opened = openBundle(nodeProvider, update.bytes, tools.now, trust);
    if (typeof opened === 'string') throw new Error(opened);
    for (const id of opened.bundle.left ?? []) this.#held.delete(id);
    if (update.base === undefined) {
      this.#held = new Map();
      this.peers.clear();
    }
    for (const { nodeId, name } of opened.bundle.peers) this.peers.set(nodeId, name);
    for (const { roster, bundled, versions } of opened.groups) {
      this.#held.set(roster.groupId, { roster, bundled });
      for (const { v, rn2 } of versions) this.given.set(`${roster.groupId}/${v}`, Buffer.from(rn2).toString('hex'));
    }
    this.have = update.after;
    this.last = opened;
    return opened;
  }

  /** The same, where an update must come. */
  taken(options: { readonly whole?: boolean; readonly lease?: boolean } = {}): VerifiedBundle {
    const update = this.fetch(options);
    if (typeof update === 'string') throw new Error(update);
    return update;
  }

  /** The rosters that it holds, by the group's name. */
  rosters(): ReadonlyMap<string, HeldRoster['roster']> {
    return new Map([...this.#held.values()].map(({ roster }) => [roster.name, roster]));
  }
}

/** lab with alice and bob, home with alice. */
export function small(): { readonly network: World; readonly alice: Member; readonly bob: Member } {
  const network = world();
  const alice = new Member(network, network.join({ name: 'alice', groups: ['lab', 'home'] }));
  const bob = new Member(network, network.join({ name: 'bob' }));
  network.run(admitWaiting);
  network.now += 5;
  alice.taken();
  bob.taken();
  return { network, alice, bob };
}
