import type { GroupId, KeyVersion, NodeId, UnixSeconds } from '../../base/brands.ts';
import type { ModeName } from '../../base/datagram-kinds.ts';
import type { AddressPrefix } from '../../crypto/address-prefix.ts';
import type { CryptoProvider } from '../../crypto/provider.ts';
import type { AddressPlan } from '../network/address-plan.ts';

/** All that an offline authority knows: a value, replaced as a whole by every change. */
export interface AuthorityState {
  readonly network: string;
  readonly plan: AddressPlan;
  /** Ed25519 seed: signs rosters and bundles */
  readonly adminSeed: Uint8Array;
  /** Ed25519 seed: signs CA parts (protocol.md 1.3) */
  readonly caSeed: Uint8Array;
  /** Number of the bundles written in this state: grows with every change, and with time, so that a restored backup goes on above. */
  readonly revision: number;
  /** Serial number of the next certificate. */
  readonly nextSerial: number;
  /** The domain group D (protocol.md 1.1 D6): keys only, every node holds them. */
  readonly domain: KeyHistory;
  readonly groups: readonly AuthorityGroup[];
  /** Removed nodes stay, so that neither their names nor their addresses are given again. */
  readonly nodes: readonly AuthorityNode[];
}

/** The newest versions of one group's key, oldest first; older ones are forgotten, keys and all. */
export interface KeyHistory {
  readonly id: GroupId;
  readonly name: string;
  /** 32 bytes; epoch 0 for ever, since one administrator makes both parts (protocol.md 9.3) */
  readonly rn1: Uint8Array;
  readonly versions: readonly KeyEpoch[];
}

export interface AuthorityGroup extends KeyHistory {
  /** The signed chain from GENESIS on. */
  readonly roster: readonly Uint8Array[];
}

/** Why a version was made. */
export const ROLL_REASONS = ['created', 'join', 'by-hand', 'removal'] as const;
export type RollReason = (typeof ROLL_REASONS)[number];

export interface KeyEpoch {
  readonly v: KeyVersion;
  /** 32 bytes */
  readonly rn2: Uint8Array;
  readonly madeAt: UnixSeconds;
  readonly activateAt: UnixSeconds;
  readonly reason: RollReason;
  /** The roster that this version stands for: equal v has equal head (protocol.md 9.3). */
  readonly rosterSeq: number;
  readonly rosterHead: Uint8Array;
}

export type EndNodeType = 'ges' | 'gen' | 'gea';

export interface AuthorityNode {
  readonly name: string;
  readonly id: NodeId;
  /** Kept, so that its bundle can be written again. Erased at removal. */
  readonly edSeed: Uint8Array | undefined;
  readonly caPart: Uint8Array;
  readonly type: EndNodeType;
  readonly mode: ModeName;
  /** 4 bytes */
  readonly ipv4: Uint8Array;
  /** 16 bytes */
  readonly ipv6: Uint8Array;
  readonly routes: readonly AddressPrefix[];
  readonly addedAt: UnixSeconds;
  readonly removedAt: UnixSeconds | undefined;
}

/** What the rules take from outside. */
export interface AuthorityTools {
  readonly provider: CryptoProvider;
  readonly random: (length: number) => Uint8Array;
  readonly now: UnixSeconds;
}

/** The version in force: the newest whose time has come. */
export function currentEpoch(history: KeyHistory, now: UnixSeconds): KeyEpoch {
  const epoch = history.versions.findLast(({ activateAt }) => activateAt <= now) ?? history.versions[0];
  if (!epoch) throw new Error(`group ${history.name} has no key`);
  return epoch;
}

/** The newest version, while it waits for its time. */
export function nextEpoch(history: KeyHistory, now: UnixSeconds): KeyEpoch | undefined {
  const newest = history.versions.at(-1);
  return newest && newest.activateAt > now ? newest : undefined;
}
