import { type UnixSeconds, unixSeconds } from '../../src/base/brands.ts';
import { decodePrefix } from '../../src/crypto/address-prefix.ts';
import { openBundle, type VerifiedBundle } from '../../src/crypto/bundle-verify.ts';
import { nodeProvider } from '../../src/crypto/node-provider.ts';
import { REMOVE_REASON } from '../../src/crypto/roster-entry.ts';
import { bundleFor } from '../../src/server/authority/bundle-rules.ts';
import {
  addGroup,
  groupNamed,
  newAuthority,
  revised,
  rollGroup,
  rosterOf,
  withGroup,
  withRosterChange,
} from '../../src/server/authority/network-rules.ts';
import { addNode, liveNodes, nodeNamed, removeNode } from '../../src/server/authority/node-rules.ts';
import type { AuthorityNode, AuthorityState, AuthorityTools } from '../../src/server/authority/state.ts';
import { checkedRoutes, issueCaPart, memberOf } from '../../src/server/network/node-certificate.ts';
import { seededRandom } from './seeded-random.ts';

/** What a server says of a group beside its keys. */
export interface ServedTerms {
  readonly retain: 'migrate' | 'flow';
  /** seconds from the making of a bundle to the end of the lease */
  readonly lease: number;
}

/** An offline authority in memory; with `served` terms its bundles say what a server's would. */
export class Authority {
  served: ServedTerms | undefined;
  /** nodes as they were before their removal */
  readonly #gone = new Map<string, AuthorityNode>();
  readonly #random: (length: number) => Uint8Array;
  readonly #clock: () => UnixSeconds;
  #state: AuthorityState;

  constructor(seed: string, clock: () => UnixSeconds) {
    this.#random = seededRandom(`authority ${seed}`);
    this.#clock = clock;
    const pool = decodePrefix(Uint8Array.from([96 + 10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 100, 64, 0, 0]));
    if (!pool) throw new Error('pool');
    this.#state = newAuthority(this.#tools(), 'testnet', pool);
  }

  group(name: string): void {
    this.#state = addGroup(this.#tools(), this.#state, name);
  }

  roll(name: string, delay = 0): void {
    this.#state = rollGroup(this.#tools(), this.#state, name, delay);
  }

  /** Adds a node; one with routes is a GEN. */
  add(name: string, groups: readonly string[], routes: readonly string[] = [], mode: 'op' | 'cl' = 'op'): void {
    const type = routes.length > 0 ? 'gen' : 'ges';
    const request = { name, type, mode, groups, address: undefined, routes } as const;
    this.#state = addNode(this.#tools(), this.#state, request);
  }

  remove(name: string): void {
    this.#gone.set(name, nodeNamed(this.#state, name));
    this.#state = removeNode(this.#tools(), this.#state, name);
  }

  /** Takes a node out of one group; the domain does not roll. */
  leave(name: string, group: string): void {
    const [tools, node] = [this.#tools(), nodeNamed(this.#state, name)];
    const change = { kind: 'remove', nodeId: node.id, reason: REMOVE_REASON.unspecified } as const;
    const state = revised(tools, this.#state);
    this.#state = withGroup(state, withRosterChange(tools, state, groupNamed(state, group), change, 'removal'));
  }

  /** Adds a removed node again, with the identity that it had. */
  addAgain(name: string, groups: readonly string[]): void {
    const node = this.#gone.get(name);
    if (!node) throw new Error(name);
    const tools = this.#tools();
    const back = { ...node, addedAt: tools.now };
    const nodes = this.#state.nodes.map((each) => (each.id === node.id ? back : each));
    const change = { kind: 'add', member: memberOf({ ...node, edPublic: publicKeyOf(node) }) } as const;
    this.#state = groups.reduce<AuthorityState>(
      (sum, group) => withGroup(sum, withRosterChange(tools, sum, groupNamed(sum, group), change, 'join')),
      { ...revised(tools, this.#state), nodes },
    );
  }

  /** Gives a GEN other networks: another certificate, and restated in the lists of its groups. */
  reroute(name: string, routes: readonly string[]): void {
    const tools = this.#tools();
    const before = nodeNamed(this.#state, name);
    const node = { ...before, routes: checkedRoutes(this.#state.plan, before.type, routes) };
    const stated = { ...node, edPublic: publicKeyOf(node) };
    const terms = {
      serial: this.#state.nextSerial,
      notBefore: unixSeconds(tools.now - 60),
      notAfter: unixSeconds(tools.now + 10 * 365 * 86_400),
    };
    const caPart = issueCaPart(nodeProvider, stated, terms, this.#state.caSeed);
    const change = { kind: 'add', member: memberOf(stated) } as const;
    const nodes = this.#state.nodes.map((each) => (each.id === node.id ? { ...node, caPart } : each));
    this.#state = { ...revised(tools, this.#state), nodes, nextSerial: this.#state.nextSerial + 1 };
    for (const group of this.#state.groups)
      if (rosterOf(tools, group).members.has(node.id))
        this.#state = withGroup(
          this.#state,
          withRosterChange(tools, this.#state, groupNamed(this.#state, group.name), change, 'join'),
        );
  }

  isNode(name: string): boolean {
    return liveNodes(this.#state).some((node) => node.name === name);
  }

  /** The versions of a group, newest first. */
  versions(name: string): number[] {
    return groupNamed(this.#state, name)
      .versions.map(({ v }) => v)
      .reverse();
  }

  /** The bundle file of a node. */
  file(name: string): Uint8Array {
    return bundleFor(this.#tools(), this.#state, nodeNamed(this.#state, name));
  }

  bundle(name: string): VerifiedBundle {
    const verified = openBundle(nodeProvider, this.file(name), this.#clock());
    if (typeof verified === 'string') throw new Error(verified);
    return this.served === undefined ? verified : this.#asServed(verified, this.served);
  }

  #asServed(verified: VerifiedBundle, { retain, lease }: ServedTerms): VerifiedBundle {
    const now = this.#clock();
    const notAfter = unixSeconds(now + lease);
    const groups = verified.groups.map((group) => {
      const made = groupNamed(this.#state, group.roster.name).versions;
      const versions = group.versions.map((version) => {
        const activateAt = made.find(({ v }) => v === version.v)?.activateAt ?? version.activateAt;
        return { ...version, notAfter, activateAt };
      });
      return { ...group, retain, versions };
    });
    return { ...verified, bundle: { ...verified.bundle, serverTime: now }, groups };
  }

  #tools(): AuthorityTools {
    return { provider: nodeProvider, random: this.#random, now: this.#clock() };
  }
}

function publicKeyOf({ edSeed }: AuthorityNode): Uint8Array {
  if (!edSeed) throw new Error('no seed');
  return nodeProvider.ed25519KeyPair(edSeed).publicKey;
}
