import { type GroupId, groupId, type NodeId, type UnixSeconds, unixSeconds } from '../../src/base/brands.ts';
import { toHex } from '../../src/base/bytes.ts';
import { MODE, NODE_TYPE } from '../../src/base/datagram-kinds.ts';
import { formatPath, type PathAddress } from '../../src/base/path-address.ts';
import type { VerifiedBundle, VerifiedGroup } from '../../src/crypto/bundle-verify.ts';
import { decodeCaPart, encodeCaPart } from '../../src/crypto/credential.ts';
import { createIdentity, type Identity } from '../../src/crypto/identity.ts';
import type { CryptoProvider } from '../../src/crypto/provider.ts';
import { type Roster, verifyRoster } from '../../src/crypto/roster.ts';
import { decodeEntry, encodeEntry, headOf, type RosterChange } from '../../src/crypto/roster-entry.ts';
import { BundleKeys } from '../../src/node/bundle-keys.ts';
import { START } from '../../src/node/rehearsal-keys.ts';

const DAY = 86_400;
const NEVER = unixSeconds(0);

/** What a member of the network is and has. */
export interface MadeMember {
  readonly number: number;
  readonly id: NodeId;
  /** overlay address, 16 bytes */
  readonly vip: Uint8Array;
  readonly path: PathAddress;
  readonly edSeed: Uint8Array;
  readonly edPk: Uint8Array;
  readonly caPart: Uint8Array;
}

export interface NetworkTools {
  readonly provider: CryptoProvider;
  random(length: number): Uint8Array;
  readonly now: UnixSeconds;
}

/**
 * A network of any size in memory: every member is in the first group, and members 0 and 1 alone are in each further one.
 * Entries are signed one by one and verified once, so that ten thousand members take seconds.
 */
export class MadeNetwork {
  readonly members: readonly MadeMember[];
  readonly #tools: NetworkTools;
  readonly #identities = new Map<number, Identity>();
  readonly #caSeed: Uint8Array;
  readonly #adminSeed: Uint8Array;
  readonly #domain: Uint8Array;
  readonly #groups: readonly { readonly roster: Roster; readonly rn1: Uint8Array; readonly rn2: Uint8Array }[];

  constructor(tools: NetworkTools, members: number, groups: number) {
    const { random } = tools;
    this.#tools = tools;
    this.#caSeed = random(32);
    this.#adminSeed = random(32);
    this.#domain = random(32);
    this.members = Array.from({ length: members }, (_, number) => this.#member(number));
    this.#groups = Array.from({ length: groups }, (_, at) => ({
      roster: this.#roster(`group-${at}`, at === 0 ? this.members : this.members.slice(0, 2)),
      rn1: random(32),
      rn2: random(32),
    }));
  }

  /** The keys of a member that runs a whole node. */
  keysOf(number: number): BundleKeys {
    const { provider, random, now } = this.#tools;
    const deps = { provider, random: (length: number) => random(length), wall: () => now, persisted: undefined };
    return new BundleKeys(this.#bundle(this.members[number]), deps, START);
  }

  /** The same at each call. */
  identityOf(number: number): Identity {
    const made = this.#identities.get(number) ?? this.#identity(number);
    this.#identities.set(number, made);
    return made;
  }

  #identity(number: number): Identity {
    const { provider, random, now } = this.#tools;
    const { edSeed, caPart } = this.members[number];
    const identity = createIdentity(provider, edSeed, caPart, random(32), now);
    if (typeof identity === 'string') throw new Error(identity);
    return identity;
  }

  #member(number: number): MadeMember {
    const { provider, random, now } = this.#tools;
    const edSeed = random(32);
    const { publicKey: edPk } = provider.ed25519KeyPair(edSeed);
    const vip4 = Uint8Array.of(100, 64 + (number >> 16), (number >> 8) & 255, number & 255);
    const caPart = encodeCaPart(
      provider,
      {
        ...{ type: NODE_TYPE.ges, mode: MODE.op, edPk, vip6: undefined, vip4, serial: random(8) },
        ...{ notBefore: unixSeconds(now - DAY), notAfter: unixSeconds(now + DAY), routes: [], moreRoutes: false },
      },
      this.#caSeed,
    );
    const vip = new Uint8Array(16);
    vip.set(vip4, 12);
    const path = formatPath(4, Uint8Array.of(10, number >> 16, (number >> 8) & 255, number & 255), 47_247);
    return { number, id: must(decodeCaPart(caPart)).nodeId, vip, path, edSeed, edPk, caPart };
  }

  #roster(name: string, members: readonly MadeMember[]): Roster {
    const { provider, random } = this.#tools;
    const admins = [provider.ed25519KeyPair(this.#adminSeed).publicKey];
    const changes: RosterChange[] = [
      { kind: 'genesis', name, r: 0, admins, k: 1, options: 2, nonce: random(16) },
      ...members.map(({ id, edPk, vip }): RosterChange => {
        return { kind: 'add', member: { nodeId: id, edPk, vips: [vip], routes: [], check: 'ca-only' } };
      }),
    ];
    let group: GroupId | null = null;
    let prev = new Uint8Array(32);
    const chain = changes.map((change, seq) => {
      const bytes = encodeEntry(provider, group, { seq, prev, change }, [this.#adminSeed]);
      prev = Uint8Array.from(headOf(provider, must(decodeEntry(bytes)).core));
      group ??= groupId(toHex(prev.subarray(0, 16)));
      return bytes;
    });
    return must(verifyRoster(provider, chain));
  }

  #bundle(member: MadeMember): VerifiedBundle {
    const { provider, now } = this.#tools;
    const { number, caPart, edSeed } = member;
    const groups = number < 2 ? this.#groups : this.#groups.slice(0, 1);
    return {
      bundle: {
        ...{ number: 1, issuedAt: now, network: 'made', pool: [], groups: [], peers: [] },
        admin: provider.ed25519KeyPair(this.#adminSeed).publicKey,
        ca: provider.ed25519KeyPair(this.#caSeed).publicKey,
        node: { name: `member-${number}`, edSeed: edSeed.slice(), caPart },
        domain: [{ v: 1, rn2: this.#domain.slice(), activateAt: NEVER }],
      },
      caPart: must(decodeCaPart(caPart)),
      groups: groups.map(({ roster, rn1, rn2 }): VerifiedGroup => {
        const times = { activateAt: NEVER, notAfter: NEVER, reason: 'schedule' as const };
        const secrets = { rn1: rn1.slice(), rn2: rn2.slice() };
        const version = { v: 1, r: 0, ...secrets, ...times, rosterSeq: roster.seq, rosterHead: roster.head };
        return { roster, bundled: roster.entries.length, retain: 'migrate', versions: [version] };
      }),
    };
  }
}

function must<T>(value: T | string): T {
  if (typeof value === 'string') throw new Error(value);
  return value;
}
