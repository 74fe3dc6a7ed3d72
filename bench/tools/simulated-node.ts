import { randomBytes } from 'node:crypto';
import type { Holding } from '../../src/api/channel/node-message.ts';
import type { JoinToken } from '../../src/api/join-token.ts';
import { type GroupId, keyVersion, type Millis, millis, type UnixSeconds, unixSeconds } from '../../src/base/brands.ts';
import { toHex, wipe } from '../../src/base/bytes.ts';
import type { PathAddress } from '../../src/base/path-address.ts';
import { unreachable } from '../../src/base/unreachable.ts';
import {
  type HeldRoster,
  openBundle,
  type VerifiedBundle,
  versionKeys,
  wipeVerified,
} from '../../src/crypto/bundle-verify.ts';
import type { CryptoProvider } from '../../src/crypto/provider.ts';
import type { Roster } from '../../src/crypto/roster.ts';
import { ServerLink } from '../../src/node/server-link/link.ts';
import {
  type ConnectionCalls,
  type LinkConnection,
  type LinkNews,
  LinkShell,
} from '../../src/node/server-link/link-shell.ts';
import type { Enrolment } from '../../src/node/server-link/link-state.ts';

/** What simulated nodes share with each other: a way out, and what needs to be in memory only once. */
export interface Surroundings {
  readonly provider: CryptoProvider;
  open(node: SimulatedNode, address: string, calls: ConnectionCalls): LinkConnection;
  every(interval: number, act: () => void): () => void;
  /** the same roster, which another node may have already */
  shared(roster: Roster): Roster;
  /** a node has verified keys, and has said so to the server */
  taken(node: SimulatedNode, bundle: VerifiedBundle): void;
}

export interface SimulatedPlan {
  readonly number: number;
  readonly token: JoinToken;
  readonly endpoint: PathAddress;
  readonly alwaysOn: boolean;
}

/**
 * What a node is to its server, without interface and traffic: enrolment, channel, bundles verified as a node does, keys
 * derived and dropped. Of each version it keeps the public tag of the key that it stands for.
 */
export class SimulatedNode {
  readonly number: number;
  readonly name: string;
  /** where the others are told that it is */
  readonly endpoint: PathAddress;
  /** by group: version → first bytes of its K_tag */
  readonly versions = new Map<GroupId, Map<number, string>>();
  enrolment: Enrolment | undefined;
  /** why it will not be a member, or is one no longer */
  ended: string | undefined;
  /** faults of bundles that it did not take */
  readonly refused: string[] = [];
  /** others that it was told the whereabouts of */
  peersHeardOf = 0;
  readonly #world: Surroundings;
  readonly #edSeed = new Uint8Array(randomBytes(32));
  readonly #edPublic: Uint8Array;
  readonly #token: JoinToken;
  readonly #alwaysOn: boolean;
  #shell: LinkShell;
  #staysOut = false;
  readonly #held = new Map<GroupId, HeldRoster>();
  #number = 0;

  constructor(world: Surroundings, { number, token, endpoint, alwaysOn }: SimulatedPlan) {
    this.number = number;
    this.name = `n${number}`;
    this.endpoint = endpoint;
    this.#world = world;
    this.#token = token;
    this.#alwaysOn = alwaysOn;
    this.#edPublic = world.provider.ed25519KeyPair(this.#edSeed).publicKey;
    this.#shell = this.#link();
  }

  get isConnected(): boolean {
    return this.#shell.status().connected;
  }

  /** Joins, and stays; or, where `andStays` is not wanted, ends when it is enrolled, until `connect`. */
  start({ andStays = true } = {}): void {
    this.#staysOut = !andStays;
    this.#shell.start();
  }

  /** Begins its session, as a node does that was enrolled in an earlier run. */
  connect(): void {
    this.#staysOut = false;
    this.#shell = this.#link();
    this.#shell.start();
  }

  stop(): void {
    this.#shell.stop();
  }

  /** The groups that it is in. */
  get groups(): readonly GroupId[] {
    return [...this.#held.keys()];
  }

  /** Members of a group as it knows them, itself among them; 0 when it is in no such group. */
  membersOf(group: GroupId): number {
    return this.#held.get(group)?.roster.members.size ?? 0;
  }

  #link(): LinkShell {
    const { provider, every, open } = this.#world;
    const deps = {
      ...{
        provider,
        random,
        wall,
        corrected: wall,
        edSeed: this.#edSeed,
        release: 'simulated',
        alwaysOn: this.#alwaysOn,
      },
      have: () => this.#have(),
      endpoints: () => ({ udpPort: 47_247, endpoints: [this.endpoint] }),
    };
    const { name, enrolment } = this;
    const start = { servers: this.#token.servers, enrolment, token: this.#token, name, lastContact: undefined };
    const ports = {
      ...{ now: monotonic, every },
      open: (address: string, calls: ConnectionCalls) => open(this, address, calls),
      log: { log: () => undefined },
    };
    return new LinkShell(new ServerLink(deps, start), ports, (news) => this.#handle(news));
  }

  #handle(news: LinkNews): void {
    switch (news.kind) {
      case 'enrolled':
        this.enrolment = news.enrolment;
        return this.#staysOut ? this.#shell.stop() : undefined;
      case 'certificate':
        this.enrolment = news.enrolment;
        return;
      case 'update':
        return this.#update(news.bundle);
      case 'directory':
        this.peersHeardOf += news.peers.length;
        return;
      case 'removed':
        this.ended = 'removed';
        return;
      case 'join-refused':
        this.ended = news.code;
        return;
      case 'disconnect':
      case 'services':
      case 'time':
      case 'left':
        return;
      default:
        return unreachable(news);
    }
  }

  #update(bytes: Uint8Array): void {
    const { provider } = this.#world;
    const pin = this.enrolment?.admin;
    if (pin === undefined) return;
    const held = this.#number === 0 ? {} : { number: this.#number, held: this.#held };
    const verified = openBundle(provider, bytes, wall(), { pin, edPublic: this.#edPublic, ...held });
    wipe(bytes);
    if (typeof verified === 'string') {
      this.refused.push(verified);
      return this.#shell.handleRefused(verified);
    }
    this.#take(verified);
    this.#shell.handleTaken(this.#number, verified.bundle.node.caPart);
    this.#world.taken(this, verified);
    wipeVerified(verified);
  }

  #take(verified: VerifiedBundle): void {
    const { bundle, groups } = verified;
    this.#number = bundle.number;
    const gone = bundle.base === undefined ? [...this.#held.keys()] : (bundle.left ?? []);
    for (const group of gone) this.#held.delete(group);
    for (const group of groups) {
      const { groupId } = group.roster;
      this.#held.set(groupId, { roster: this.#world.shared(group.roster), bundled: group.bundled });
      const versions = this.versions.get(groupId) ?? new Map<number, string>();
      this.versions.set(groupId, versions);
      for (const version of group.versions) {
        const { kTag, ...others } = versionKeys(this.#world.provider, group, version);
        versions.set(version.v, toHex(kTag.subarray(0, 8)));
        wipe(kTag, ...Object.values(others));
      }
    }
  }

  #have(): Holding {
    const groups = [...this.#held].map(
      ([
        id,
        {
          roster: { seq, head },
        },
      ]) => {
        const v = keyVersion(Math.max(0, ...(this.versions.get(id)?.keys() ?? [])));
        return { id, v, seq, head };
      },
    );
    return { number: this.#number, groups };
  }
}

function random(length: number): Uint8Array {
  return new Uint8Array(randomBytes(length));
}

function wall(): UnixSeconds {
  return unixSeconds(Date.now() / 1000);
}

function monotonic(): Millis {
  return millis(performance.now());
}
