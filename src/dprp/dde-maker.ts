import type { Cid } from '../base/cid.ts';
import type { CryptoProvider } from '../crypto/provider.ts';
import type { Caps } from './caps.ts';
import { DOMAIN_KEYS } from './constants.ts';
import { type Dde, ddeAuthenticated } from './dde.ts';
import { sealDde } from './dde-seal.ts';
import { fillSlots, type ListedGroup, type ListedTag } from './dde-tags.ts';
import { plainHeader } from './header.ts';
import { mac2Of } from './load-guard.ts';
import type { DomainVersion } from './negotiation-deps.ts';

const MAC2_AT = 268;

/** What a DDE is made of. */
export interface DdeRequest {
  readonly ephemeral: Uint8Array;
  readonly index: number;
  /** R's index of the SA that is rekeyed, else 0 (protocol.md 2.6) */
  readonly rekeyIndex: number;
  readonly domain: DomainVersion;
  /** in order of preference, at most 8 */
  readonly listed: readonly ListedGroup[];
  readonly cid: Cid;
  readonly suites: readonly number[];
  readonly mtu: number;
  readonly caps: Caps;
}

/** A DDE as sent, and what each of its slots stands for. mac2 is zero until a cookie came. */
export interface MadeDde {
  readonly bytes: Uint8Array;
  readonly tags: readonly (ListedTag | null)[];
}

/** Makes a DDE: tags in random places, the rest of the request sealed for the members of D (protocol.md 2.2). */
export function makeDde(
  provider: CryptoProvider,
  random: (length: number) => Uint8Array,
  request: DdeRequest,
): MadeDde {
  const { slots, tags } = fillSlots(provider, random, request.ephemeral, request.listed);
  const { cid, suites, mtu, caps, domain, ephemeral } = request;
  const header = { ...plainHeader(request.index, request.rekeyIndex), flags: domain.v % DOMAIN_KEYS };
  const preference = tags.map((tag) => tag?.preference ?? null);
  const box = { cid, preference, suites, mtu, caps };
  return { bytes: sealDde(provider, domain.kDde, { header, ephemeral, slots }, box), tags };
}

/** The same DDE with the proof that its sender received the cookie. */
export function withCookie(provider: CryptoProvider, bytes: Uint8Array, cookie: Uint8Array): Uint8Array {
  const proven = bytes.slice();
  proven.set(mac2Of(provider, cookie, ddeAuthenticated(bytes)), MAC2_AT);
  return proven;
}

/** The domain version that the flags of a DDE name, by its last three bits. */
export function domainOf(dde: Dde, versions: readonly DomainVersion[]): DomainVersion | undefined {
  return versions.find((version) => version.v % DOMAIN_KEYS === dde.header.flags);
}
