import type { Millis, NodeId } from '../../base/brands.ts';
import { equalConstantTime, utf8 } from '../../base/bytes.ts';
import type { PathAddress } from '../../base/path-address.ts';
import { RateTable } from '../../base/rate-table.ts';
import type { CryptoProvider } from '../../crypto/provider.ts';
import {
  type Bind,
  type BindStatus,
  decodeBinding,
  encodeBindAck,
  encodeBindChallenge,
  isAuthenticBinding,
  MEASURING_CHANNEL,
} from '../../nat/bind.ts';
import { relayKeyOf } from '../datagrams/relay-keys.ts';
import { type ServedPlace, sourceFault, sourceName } from '../datagrams/served-place.ts';
import type { Members } from '../dc/members.ts';
import { type Channels, sideOf } from './channels.ts';
import { BIND_RATE, BIND_SOURCES, CHALLENGE_MS } from './relay-limits.ts';

/** What a relay takes from outside. */
export interface RelayDeps {
  readonly provider: CryptoProvider;
  random(length: number): Uint8Array;
  /** shared with the coordinator */
  readonly relaySecret: Uint8Array;
  readonly members: Pick<Members, 'isActive'>;
  readonly place: ServedPlace;
}

/** An answer to whoever sent the BIND, and the row of the end that is bound now, here or elsewhere than before; or the name of a counter. */
export type BindOutcome =
  | { readonly answer: Uint8Array; readonly counter?: string; readonly end?: number; readonly isMoved?: boolean }
  | { readonly counter: string };

const CHALLENGE_BYTES = 16;

/**
 * Admits nodes to channels (protocol.md 7): by the MAC under the node's relay key, then by a challenge that proves the source.
 * Nothing is kept before that, and no answer is longer than its question.
 */
export class BindingDesk {
  readonly #deps: RelayDeps;
  readonly #channels: Channels;
  readonly #sources = new RateTable<string>(BIND_RATE, BIND_SOURCES);
  /** makes challenges now; the one before is still taken */
  #secrets: readonly [Uint8Array, Uint8Array];
  #secretAt: Millis;

  constructor(deps: RelayDeps, channels: Channels, now: Millis) {
    this.#deps = deps;
    this.#channels = channels;
    this.#secrets = [deps.random(32), deps.random(32)];
    this.#secretAt = now;
  }

  /** `isTunnel`: it came through a tunnel of this process, whose address no packet has. */
  handleBind(bytes: Uint8Array, from: PathAddress, now: Millis, isTunnel: boolean): BindOutcome {
    const fault = isTunnel ? undefined : sourceFault(from, this.#deps.place);
    if (fault !== undefined) return { counter: `relay-source-${fault}` };
    if (!this.#sources.take(sourceName(from), now)) return { counter: 'relay-bind-rate' };
    const bind = decodeBinding(bytes);
    if (typeof bind === 'string') return { counter: `relay-bind-${bind}` };
    if (bind.kind !== 'bind') return { counter: 'relay-bind-kind' };
    const key = relayKeyOf(this.#deps.provider, this.#deps.relaySecret, bind.node);
    if (!isAuthenticBinding(this.#deps.provider, key, bytes)) return { counter: 'relay-bind-forged' };
    if (!this.#deps.members.isActive(bind.node)) return this.#refused(bind, key, 'refused', from);
    if (bind.channel !== MEASURING_CHANNEL) return this.#admit(bind, key, from, now);
    if (!this.#isProved(bind, from, now)) return this.#challenged(bind, from);
    return { answer: this.#ackBytes(bind, key, 'unknown-channel', from) };
  }

  #admit(bind: Bind, key: Uint8Array, from: PathAddress, now: Millis): BindOutcome {
    const { channel: number, node, seq } = bind;
    const channel = this.#channels.get(number);
    if (!channel?.nodes.includes(node)) return this.#refused(bind, key, 'unknown-channel', from);
    const end = channel.ends[sideOf(channel, node)];
    // equal: the same binding again, whose BIND-ACK was lost; from elsewhere it is a copy
    if (end && (seq < end.seq || (seq === end.seq && from !== end.path))) return { counter: 'relay-bind-old' };
    if (!this.#isProved(bind, from, now)) return this.#challenged(bind, from);
    const isBound = this.#channels.bind(channel, node, seq, from, now);
    if (!isBound) return this.#refused(bind, key, 'quota', from);
    const answer = this.#ackBytes(bind, key, 'bound', from);
    return { answer, end: 2 * channel.row + sideOf(channel, node), isMoved: end?.path !== from };
  }

  #challenged({ channel, seq, node }: Bind, from: PathAddress): BindOutcome {
    const challenge = this.#challenge(this.#secrets[0], node, from);
    return { answer: encodeBindChallenge({ kind: 'bind-challenge', channel, seq, challenge }) };
  }

  /** Not bound. */
  #refused(bind: Bind, key: Uint8Array, status: Exclude<BindStatus, 'bound'>, seen: PathAddress): BindOutcome {
    return { answer: this.#ackBytes(bind, key, status, seen), counter: `relay-bind-refused-${status}` };
  }

  #ackBytes({ channel, seq, nonce }: Bind, key: Uint8Array, status: BindStatus, seen: PathAddress): Uint8Array {
    return encodeBindAck(this.#deps.provider, key, { kind: 'bind-ack', status, channel, seq, nonce, seen });
  }

  #isProved(bind: Bind, from: PathAddress, now: Millis): boolean {
    if (now - this.#secretAt >= CHALLENGE_MS) this.#renew(now);
    const { challenge, node } = bind;
    if (challenge === undefined) return false;
    return this.#secrets.some((secret) => equalConstantTime(this.#challenge(secret, node, from), challenge));
  }

  #renew(now: Millis): void {
    const wasIdle = now - this.#secretAt >= 2 * CHALLENGE_MS;
    this.#secrets = [this.#deps.random(32), wasIdle ? this.#deps.random(32) : this.#secrets[0]];
    this.#secretAt = now;
  }

  /** Of the node and its address alone: which channel, and in what order, is what the MAC is for. */
  #challenge(secret: Uint8Array, node: NodeId, from: PathAddress): Uint8Array {
    return this.#deps.provider.hmac(secret, utf8(`${node} ${from}`)).slice(0, CHALLENGE_BYTES);
  }
}
