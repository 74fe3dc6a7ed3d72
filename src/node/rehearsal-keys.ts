import { type Millis, millis, type UnixSeconds, unixSeconds } from '../base/brands.ts';
import { MODE, NODE_TYPE } from '../base/datagram-kinds.ts';
import type { VerifiedBundle } from '../crypto/bundle-verify.ts';
import { decodeCaPart, encodeCaPart } from '../crypto/credential.ts';
import type { CryptoProvider } from '../crypto/provider.ts';
import { type Roster, signChange, verifyRoster } from '../crypto/roster.ts';
import type { RosterChange } from '../crypto/roster-entry.ts';
import { BundleKeys } from './bundle-keys.ts';

const DAY = 86_400;

interface Actor {
  readonly edSeed: Uint8Array;
  readonly caPart: Uint8Array;
  readonly vip: Uint8Array;
}

/** What two nodes of one group hold, and a GEN between them that is in none. */
export interface RehearsalKeys {
  readonly ends: readonly [BundleKeys, BundleKeys];
  readonly between: BundleKeys;
}

/** Keys that live only in this process and only for a rehearsal. */
export function rehearsalKeys(
  provider: CryptoProvider,
  random: (length: number) => Uint8Array,
  now: UnixSeconds,
): RehearsalKeys {
  const caSeed = random(32);
  const actors = [
    makeActor(provider, random, caSeed, { type: NODE_TYPE.ges, number: 1, now }),
    makeActor(provider, random, caSeed, { type: NODE_TYPE.ges, number: 2, now }),
  ];
  const gen = makeActor(provider, random, caSeed, { type: NODE_TYPE.gen, number: 3, now });
  const adminSeed = random(32);
  const roster = makeRoster(provider, random, adminSeed, actors);
  const secrets = { rn1: random(32), rn2: random(32), domain: random(32) };
  const keysOf = (actor: Actor, isMember = true) => {
    const whole = bundleOf(provider, actor, { caSeed, adminSeed, roster, ...secrets, now });
    const verified = isMember ? whole : { ...whole, groups: [] };
    return new BundleKeys(verified, { provider, random, wall: () => now, persisted: undefined }, START);
  };
  return { ends: [keysOf(actors[0]), keysOf(actors[1])], between: keysOf(gen, false) };
}

/** When a rehearsal's made-up clock begins: no whole number, as those of a real clock are none, which is other machine code. */
export const START: Millis = millis(1_000_000.25);

function makeActor(
  provider: CryptoProvider,
  random: (length: number) => Uint8Array,
  caSeed: Uint8Array,
  { type, number, now }: { readonly type: number; readonly number: number; readonly now: UnixSeconds },
): Actor {
  const edSeed = random(32);
  const caPart = encodeCaPart(
    provider,
    {
      type,
      mode: MODE.op,
      edPk: provider.ed25519KeyPair(edSeed).publicKey,
      vip6: undefined,
      vip4: Uint8Array.of(100, 64, 0, number),
      notBefore: unixSeconds(now - DAY),
      notAfter: unixSeconds(now + DAY),
      serial: random(8),
      routes: [],
      moreRoutes: false,
    },
    caSeed,
  );
  const vip = new Uint8Array(16);
  vip.set([100, 64, 0, number], 12);
  return { edSeed, caPart, vip };
}

function makeRoster(
  provider: CryptoProvider,
  random: (length: number) => Uint8Array,
  adminSeed: Uint8Array,
  actors: readonly Actor[],
): Roster {
  const admin = provider.ed25519KeyPair(adminSeed).publicKey;
  const nonce = random(16);
  const changes: RosterChange[] = [
    { kind: 'genesis', name: 'rehearsal', r: 0, admins: [admin], k: 1, options: 2, nonce },
    ...actors.map(({ caPart, vip }): RosterChange => {
      const { nodeId, edPk } = must(decodeCaPart(caPart));
      return { kind: 'add', member: { nodeId, edPk, vips: [vip], routes: [], check: 'ca-only' } };
    }),
  ];
  const chain: Uint8Array[] = [];
  for (const change of changes) {
    const roster = chain.length === 0 ? undefined : must(verifyRoster(provider, chain));
    chain.push(signChange(provider, roster, change, [adminSeed]));
  }
  return must(verifyRoster(provider, chain));
}

interface Shared {
  readonly caSeed: Uint8Array;
  readonly adminSeed: Uint8Array;
  readonly roster: Roster;
  readonly rn1: Uint8Array;
  readonly rn2: Uint8Array;
  readonly domain: Uint8Array;
  readonly now: UnixSeconds;
}

function bundleOf(provider: CryptoProvider, actor: Actor, shared: Shared): VerifiedBundle {
  const { roster, now } = shared;
  const never = unixSeconds(0);
  const version = {
    v: 1,
    r: 0,
    rn1: shared.rn1.slice(),
    rn2: shared.rn2.slice(),
    activateAt: never,
    notAfter: never,
    reason: 'schedule' as const,
    rosterSeq: roster.seq,
    rosterHead: roster.head,
  };
  const bundle = {
    number: 1,
    issuedAt: now,
    network: 'rehearsal',
    pool: [],
    groups: [],
    peers: [],
    admin: provider.ed25519KeyPair(shared.adminSeed).publicKey,
    ca: provider.ed25519KeyPair(shared.caSeed).publicKey,
    node: { name: 'rehearsal', edSeed: actor.edSeed, caPart: actor.caPart },
    domain: [{ v: 1, rn2: shared.domain.slice(), activateAt: never }],
  };
  return {
    bundle,
    caPart: must(decodeCaPart(actor.caPart)),
    groups: [{ roster, bundled: roster.entries.length, retain: 'migrate', versions: [version] }],
  };
}

function must<T>(value: T | string): T {
  if (typeof value === 'string') throw new Error(`rehearsal: ${value}`);
  return value;
}
