import { type Millis, millis, type NodeId } from '../base/brands.ts';
import { equalConstantTime } from '../base/bytes.ts';
import type { PathAddress } from '../base/path-address.ts';
import type { CryptoProvider } from '../crypto/provider.ts';
import { type BindChallenge, decodeBinding, encodeBind, isAuthenticBinding, MEASURING_CHANNEL } from './bind.ts';
import type { RelayPlace, RelayReach } from './signal-message.ts';

export type MeterEffect =
  | { readonly kind: 'send'; readonly bytes: Uint8Array; readonly to: PathAddress }
  /** what `reached` says is another: the coordinator is to be told */
  | { readonly kind: 'measured' }
  | { readonly kind: 'counter'; readonly name: string };

export interface MeterDeps {
  readonly provider: CryptoProvider;
  random(length: number): Uint8Array;
  readonly self: NodeId;
  /** a number that grew since the last call, also over restarts */
  nextSeq(): number;
  /** by relay: the last challenge that this node's address was given there */
  readonly proofs?: Map<PathAddress, Uint8Array>;
}

interface Measured {
  readonly place: RelayPlace;
  seq: number;
  nonce: Uint8Array | undefined;
  isChallenged: boolean;
  askedAt: Millis;
  /** of the round that is under way */
  asked: number;
  best: number | undefined;
  /** of the last whole round; null before the first */
  rtt: number | undefined | null;
  /** whole rounds in a row without an answer */
  silent: number;
  nextAt: Millis;
}

const EMPTY = new Uint8Array(0);
/** Questions of a round, and how long each is waited for. */
const QUESTIONS = 3;
const WAIT_MS = 400;
/** A relay that answers is measured again after this time; one that does not after the next one, doubled up to the last. */
const AGAIN_MS = 600_000;
const SILENT_AGAIN_MS = 1_000;
const SILENT_AGAIN_MAX_MS = 20_000;
/** A round trip that changed by less, and by less than this part, is no news. */
const NEWS_MS = 5;
const NEWS_PART = 0.2;

/**
 * How far this node is from each relay (protocol.md 7): BINDs for channel 0, which bind nothing and are answered. The shortest
 * of three round trips counts. The first one is answered by a challenge; that it was met is good for channels that are bound later.
 */
export class RelayMeter {
  readonly #deps: MeterDeps;
  readonly #relays = new Map<PathAddress, Measured>();
  readonly #proofs: Map<PathAddress, Uint8Array>;

  constructor(deps: MeterDeps) {
    this.#deps = deps;
    this.#proofs = deps.proofs ?? new Map();
  }

  /** What is known, for REGISTER; relays that are being measured for the first time are not in it. */
  reached(): readonly RelayReach[] {
    return [...this.#relays.values()].flatMap(({ place: { address }, rtt }) =>
      rtt === null ? [] : [{ address, rtt: rtt === undefined ? undefined : Math.round(rtt) }],
    );
  }

  /** The relays of REGISTERED, of all coordinators together. */
  setRelays(places: readonly RelayPlace[], now: Millis): MeterEffect[] {
    const wanted = new Map(places.map((place) => [place.address, place]));
    for (const address of [...this.#relays.keys()]) if (!wanted.has(address)) this.#relays.delete(address);
    for (const [address, place] of wanted) {
      const known = this.#relays.get(address);
      if (known && equalConstantTime(known.place.key, place.key)) continue;
      this.#relays.set(address, newMeasured(place, now));
    }
    return this.tick(now);
  }

  /** The node has another address: everything may be elsewhere. What was measured holds until the new round is over. */
  handleNetworkChange(now: Millis): MeterEffect[] {
    for (const relay of this.#relays.values()) restart(relay, now);
    return this.tick(now);
  }

  /** A channel there fell silent: nobody should be directed to it before it answers again. Those that were silent may be there again. */
  handleSilent(address: PathAddress, now: Millis): MeterEffect[] {
    const relay = this.#relays.get(address);
    if (!relay || relay.rtt === undefined) return [];
    relay.rtt = undefined;
    for (const each of this.#relays.values()) if (each.rtt === undefined) restart(each, now);
    return [{ kind: 'measured' }, ...this.tick(now)];
  }

  /** BIND-CHALLENGE or BIND-ACK for channel 0; anything else is the binder's. */
  handleDatagram(bytes: Uint8Array, from: PathAddress, now: Millis): MeterEffect[] {
    const ack = decodeBinding(bytes);
    if (typeof ack === 'string') return [{ kind: 'counter', name: `bind-${ack}` }];
    const relay = this.#relays.get(from);
    const { provider } = this.#deps;
    if (ack.kind === 'bind-challenge') return this.#challenged(relay, ack, now);
    const isAnswer = ack.kind === 'bind-ack' && ack.channel === MEASURING_CHANNEL;
    if (!isAnswer || !relay?.nonce || !equalConstantTime(ack.nonce, relay.nonce))
      return [{ kind: 'counter', name: 'bind-unasked' }];
    if (!isAuthenticBinding(provider, relay.place.key, bytes)) return [{ kind: 'counter', name: 'bind-forged' }];
    relay.nonce = undefined;
    relay.best = Math.min(relay.best ?? Number.POSITIVE_INFINITY, now - relay.askedAt);
    relay.nextAt = now;
    return this.tick(now);
  }

  nextDeadline(): Millis | undefined {
    const times = [...this.#relays.values()].map(({ nextAt }) => nextAt);
    return times.length === 0 ? undefined : millis(Math.min(...times));
  }

  tick(now: Millis): MeterEffect[] {
    const effects: MeterEffect[] = [];
    let isNews = false;
    for (const relay of this.#relays.values()) {
      if (now < relay.nextAt) continue;
      if (relay.asked < QUESTIONS) effects.push(this.#ask(relay, now));
      else isNews = finish(relay, now) || isNews;
    }
    return isNews ? [...effects, { kind: 'measured' }] : effects;
  }

  #ask(relay: Measured, now: Millis): MeterEffect {
    const { random, nextSeq } = this.#deps;
    relay.nonce = random(16);
    relay.isChallenged = false;
    relay.askedAt = now;
    relay.asked++;
    relay.nextAt = millis(now + WAIT_MS);
    relay.seq = nextSeq();
    return this.#send(relay, this.#proofs.get(relay.place.address));
  }

  /** The same question with its proof; the way there and back is measured by this one. One for each question: a forged one costs no more. */
  #challenged(relay: Measured | undefined, { channel, seq, challenge }: BindChallenge, now: Millis): MeterEffect[] {
    if (channel !== MEASURING_CHANNEL || !relay?.nonce || seq !== relay.seq || relay.isChallenged)
      return [{ kind: 'counter', name: 'bind-unasked' }];
    relay.isChallenged = true;
    relay.askedAt = now;
    relay.nextAt = millis(now + WAIT_MS);
    this.#proofs.set(relay.place.address, challenge);
    return [this.#send(relay, challenge)];
  }

  #send({ place, seq, nonce = EMPTY }: Measured, challenge: Uint8Array | undefined): MeterEffect {
    const { provider, self } = this.#deps;
    const bind = { kind: 'bind', channel: MEASURING_CHANNEL, node: self, seq, nonce, challenge } as const;
    return { kind: 'send', bytes: encodeBind(provider, place.key, bind), to: place.address };
  }
}

function newMeasured(place: RelayPlace, now: Millis): Measured {
  const question = { seq: 0, nonce: undefined, isChallenged: false, askedAt: now };
  return { place, ...question, asked: 0, best: undefined, rtt: null, silent: 0, nextAt: now };
}

function restart(relay: Measured, now: Millis): void {
  relay.asked = 0;
  relay.best = undefined;
  relay.nonce = undefined;
  relay.nextAt = now;
}

/** The round is over; true when what it found is news. */
function finish(relay: Measured, now: Millis): boolean {
  const { rtt: before, best } = relay;
  restart(relay, now);
  relay.rtt = best;
  const again = best === undefined ? Math.min(SILENT_AGAIN_MAX_MS, SILENT_AGAIN_MS * 2 ** relay.silent) : AGAIN_MS;
  relay.silent = best === undefined ? relay.silent + 1 : 0;
  relay.nextAt = millis(now + again);
  if (before === null || before === undefined || best === undefined) return before !== best;
  const change = Math.abs(before - best);
  const isNews = change >= NEWS_MS && change >= before * NEWS_PART;
  if (!isNews) relay.rtt = before;
  return isNews;
}
