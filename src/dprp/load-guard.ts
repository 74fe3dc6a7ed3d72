import type { Millis } from '../base/brands.ts';
import { equalConstantTime } from '../base/bytes.ts';
import type { PathAddress } from '../base/path-address.ts';
import { RateTable } from '../base/rate-table.ts';
import type { CryptoProvider } from '../crypto/provider.ts';
import { cookieSource, sourceName } from './path-source.ts';
import { COOKIE_SECRET_MS, HALF_OPEN_MAX, LOAD_HANDSHAKES, LOAD_SHARE } from './tuning.ts';

/** New handshakes of one source while there is load: a second, at once, and sources remembered. */
const SOURCE_PER_SECOND = 10;
const SOURCE_BURST = 20;
const SOURCES_MAX = 8_192;

/** Notices load, makes and checks cookies, and limits each source while it lasts (protocol.md 2.5). */
export class LoadGuard {
  readonly #provider: CryptoProvider;
  readonly #random: (length: number) => Uint8Array;
  readonly #perSource = new RateTable<string>({ burst: SOURCE_BURST, perSecond: SOURCE_PER_SECOND }, SOURCES_MAX);
  /** newest first; the former one stays valid for another period */
  #secrets: readonly { readonly bytes: Uint8Array; readonly since: Millis }[] = [];
  #secondStart = Number.NEGATIVE_INFINITY;
  #thisSecond = 0;
  #lastSecond = 0;

  constructor(provider: CryptoProvider, random: (length: number) => Uint8Array) {
    this.#provider = provider;
    this.#random = random;
  }

  /** Counts a DDE that asks for a new handshake. */
  countHandshake(now: Millis): void {
    this.#turnSecond(now);
    this.#thisSecond += 1;
  }

  underLoad(halfOpen: number, now: Millis): boolean {
    this.#turnSecond(now);
    return halfOpen > HALF_OPEN_MAX * LOAD_SHARE || Math.max(this.#thisSecond, this.#lastSecond) > LOAD_HANDSHAKES;
  }

  /** The 16 bytes that this source must prove to have received. */
  cookie(from: PathAddress, now: Millis): Uint8Array {
    return this.#cookie(this.#currentSecret(now), from);
  }

  /** Whether mac2 was made from a cookie of this source; `authenticated` is what mac2 covers. */
  hasCookie(mac2: Uint8Array, authenticated: Uint8Array, from: PathAddress, now: Millis): boolean {
    this.#currentSecret(now);
    const matches = (secret: Uint8Array) =>
      equalConstantTime(mac2, mac2Of(this.#provider, this.#cookie(secret, from), authenticated));
    return this.#secrets.some((secret) => matches(secret.bytes));
  }

  /** One handshake of this source; false when it has used up its share. */
  takeToken(from: PathAddress, now: Millis): boolean {
    return this.#perSource.take(sourceName(from), now);
  }

  #cookie(secret: Uint8Array, from: PathAddress): Uint8Array {
    return this.#provider.hmac(secret, cookieSource(from)).slice(0, 16);
  }

  #currentSecret(now: Millis): Uint8Array {
    const kept = this.#secrets.filter((secret) => now - secret.since < 2 * COOKIE_SECRET_MS);
    const fresh = kept.length > 0 && now - kept[0].since < COOKIE_SECRET_MS;
    this.#secrets = fresh ? kept : [{ bytes: this.#random(32), since: now }, ...kept];
    return this.#secrets[0].bytes;
  }

  #turnSecond(now: Millis): void {
    if (now - this.#secondStart < 1000) return;
    this.#lastSecond = now - this.#secondStart < 2000 ? this.#thisSecond : 0;
    this.#thisSecond = 0;
    this.#secondStart = now;
  }
}

/** mac2 = HMAC(cookie, DDE without hops and mac2)[0..16] (protocol.md 2.5). */
export function mac2Of(provider: CryptoProvider, cookie: Uint8Array, authenticated: Uint8Array): Uint8Array {
  return provider.hmac(cookie, authenticated).slice(0, 16);
}
