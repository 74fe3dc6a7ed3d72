import type { Millis } from '../../base/brands.ts';
import { concat, equalConstantTime, utf8 } from '../../base/bytes.ts';
import type { PathAddress } from '../../base/path-address.ts';
import { Allowance, RateTable } from '../../base/rate-table.ts';
import type { CryptoProvider } from '../../crypto/provider.ts';
import { NAT_LABEL } from '../../nat/constants.ts';
import { decodeProvedHello, encodeHelloCookie, helloIndex } from '../../nat/hello-cookie.ts';
import { sourceName } from '../datagrams/served-place.ts';
import { COOKIE_SECRET_MS, HELLO_LOAD, HELLO_RATE, HELLO_RATE_ALL, SOURCES } from './dc-limits.ts';

/** What becomes of a HELLO: it is opened; it is answered by a cookie; or the name of a counter. */
export type Admission =
  | { readonly kind: 'open'; readonly hello: Uint8Array }
  | { readonly kind: 'answer'; readonly bytes: Uint8Array; readonly counter: string }
  | { readonly kind: 'drop'; readonly counter: string };

const COOKIE_BYTES = 16;

/**
 * Decides which HELLOs are worth public-key work (protocol.md 6.6). Whoever proved its address by a cookie is limited by that
 * address. Everybody else may have any address: together they are opened while they are few, and given a cookie when they are
 * many, which takes one HMAC and no memory.
 */
export class HelloGuard {
  readonly #provider: CryptoProvider;
  readonly #random: (length: number) => Uint8Array;
  readonly #proved = new RateTable<string>(HELLO_RATE, SOURCES);
  readonly #claimed = new RateTable<string>(HELLO_RATE, SOURCES);
  readonly #all: Allowance;
  /** makes cookies now; the one before is still taken */
  #secrets: readonly [Uint8Array, Uint8Array];
  #secretAt: Millis;
  #second: Millis;
  #thisSecond = 0;
  #lastSecond = 0;

  constructor(provider: CryptoProvider, random: (length: number) => Uint8Array, now: Millis) {
    this.#provider = provider;
    this.#random = random;
    this.#all = new Allowance(HELLO_RATE_ALL, now);
    this.#secrets = [random(32), random(32)];
    this.#secretAt = now;
    this.#second = now;
  }

  /** A HELLO without a cookie. `isTunnel`: its TCP connection has proved where it comes from. */
  admit(hello: Uint8Array, from: PathAddress, isTunnel: boolean, now: Millis): Admission {
    if (isTunnel) return this.#open(hello, from, now);
    const index = helloIndex(hello);
    if (typeof index === 'string') return { kind: 'drop', counter: `dc-hello-${index}` };
    this.#count(now);
    if (this.#isLoaded() || !this.#claimed.take(sourceName(from), now)) return this.#ask(index, from, now);
    return this.#all.take(now) ? { kind: 'open', hello } : { kind: 'drop', counter: 'dc-hello-rate' };
  }

  /** A PROVED-HELLO. A cookie that is not, or no longer, of this address is answered by one that is. */
  admitProved(bytes: Uint8Array, from: PathAddress, now: Millis): Admission {
    const proved = decodeProvedHello(bytes);
    if (typeof proved === 'string') return { kind: 'drop', counter: `dc-hello-${proved}` };
    const { cookie, hello } = proved;
    const index = helloIndex(hello);
    if (typeof index === 'string') return { kind: 'drop', counter: `dc-hello-${index}` };
    return this.#isCookieOf(cookie, from, now) ? this.#open(hello, from, now) : this.#ask(index, from, now, true);
  }

  #open(hello: Uint8Array, from: PathAddress, now: Millis): Admission {
    if (!this.#proved.take(sourceName(from), now)) return { kind: 'drop', counter: 'dc-hello-source-rate' };
    return this.#all.take(now) ? { kind: 'open', hello } : { kind: 'drop', counter: 'dc-hello-rate' };
  }

  #ask(index: number, from: PathAddress, now: Millis, isWrong = false): Admission {
    this.#renew(now);
    const bytes = encodeHelloCookie({ index, cookie: this.#cookie(this.#secrets[0], from) });
    return { kind: 'answer', bytes, counter: isWrong ? 'dc-cookie-wrong' : 'dc-cookie-asked' };
  }

  #isCookieOf(cookie: Uint8Array, from: PathAddress, now: Millis): boolean {
    this.#renew(now);
    return this.#secrets.some((secret) => equalConstantTime(this.#cookie(secret, from), cookie));
  }

  #cookie(secret: Uint8Array, from: PathAddress): Uint8Array {
    return this.#provider.hmac(secret, concat(utf8(NAT_LABEL.helloCookie), utf8(from))).slice(0, COOKIE_BYTES);
  }

  #renew(now: Millis): void {
    const age = now - this.#secretAt;
    if (age < COOKIE_SECRET_MS) return;
    this.#secrets = [this.#random(32), age < 2 * COOKIE_SECRET_MS ? this.#secrets[0] : this.#random(32)];
    this.#secretAt = now;
  }

  #count(now: Millis): void {
    const age = now - this.#second;
    if (age >= 1_000) {
      this.#lastSecond = age < 2_000 ? this.#thisSecond : 0;
      this.#thisSecond = 0;
      this.#second = now;
    }
    this.#thisSecond++;
  }

  /** Until a whole second was quiet. */
  #isLoaded(): boolean {
    return Math.max(this.#thisSecond, this.#lastSecond) > HELLO_LOAD;
  }
}
