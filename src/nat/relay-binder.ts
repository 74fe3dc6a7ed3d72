import { type Millis, millis, type NodeId } from '../base/brands.ts';
import { equalConstantTime } from '../base/bytes.ts';
import type { PathAddress } from '../base/path-address.ts';
import type { CryptoProvider } from '../crypto/provider.ts';
import { type BindAck, decodeBinding, encodeBind, isAuthenticBinding } from './bind.ts';
import { routeName } from './path-route.ts';
import { decodeFrame } from './relay-frame.ts';

export type BinderEffect =
  | { readonly kind: 'send'; readonly bytes: Uint8Array; readonly to: PathAddress }
  /** behind the BIND before it, which carries a proof of this node's address: what follows by this channel may well arrive */
  | { readonly kind: 'ahead'; readonly relay: PathAddress; readonly channel: number }
  | { readonly kind: 'bound'; readonly relay: PathAddress; readonly channel: number; readonly rtt: number }
  | { readonly kind: 'unbound'; readonly relay: PathAddress; readonly channel: number; readonly cause: string }
  /** in doubt, it answered none of the quick questions; it is asked on for some seconds */
  | { readonly kind: 'silent'; readonly relay: PathAddress; readonly channel: number }
  | { readonly kind: 'counter'; readonly name: string };

export interface BinderDeps {
  readonly provider: CryptoProvider;
  random(length: number): Uint8Array;
  readonly self: NodeId;
  /** a number that grew since the last call, also over restarts */
  nextSeq(): number;
  /** by relay: the last challenge that this node's address was given there; a relay takes it for other channels, too */
  readonly proofs?: Map<PathAddress, Uint8Array>;
}

interface Binding {
  readonly relay: PathAddress;
  readonly channel: number;
  readonly key: Uint8Array;
  state: 'binding' | 'bound';
  /** frames are taken since the first BIND-ACK, also while the channel is bound anew */
  open: boolean;
  seq: number;
  nonce: Uint8Array;
  challenge: Uint8Array | undefined;
  startedAt: Millis;
  /** the shortest of the times that it was bound on this network */
  rtt: number | undefined;
  /** traffic by it is silent: the relay is to answer soon */
  isDoubted: boolean;
  tries: number;
  nextAt: Millis;
}

const REPEAT_MS = 200;
const TRIES = 5;
/** In doubt: two round trips are waited for, within these bounds, so often. */
const DOUBT_MIN_MS = 100;
const DOUBT_MAX_MS = 250;
const DOUBT_TRIES = 3;
/** Times at which a mapping wants a datagram: when one is under way; by the next channel; by all of them. */
const NEVER = millis(Number.POSITIVE_INFINITY);
const ONE_NOW = millis(1);
const ALL_NOW = millis(0);
/** A relay forgets an end that is silent for ten minutes. */
const REBIND_MS = 240_000;

/**
 * This node's channels at relays (protocol.md 7): binds them, binds them anew when the node moved and as often as keeps the
 * mapping to the relay alive, and knows which frames to take.
 *
 *   binding ──BIND-ACK──► bound ──keep-alive due, moved, or in doubt──► binding
 *      └──5 tries, refused──► gone
 *
 * All channels of a relay share the mapping to it: the one that was bound longest ago is bound anew when the keep-alive is
 * due, and each of them after four minutes, long before the relay forgets it.
 */
export class RelayBinder {
  readonly #deps: BinderDeps;
  readonly #bindings = new Map<string, Binding>();
  readonly #proofs: Map<PathAddress, Uint8Array>;
  /** by relay: when the mapping to it wants a datagram */
  readonly #mappings = new Map<PathAddress, Millis>();

  constructor(deps: BinderDeps) {
    this.#deps = deps;
    this.#proofs = deps.proofs ?? new Map();
  }

  /** One that was bound before is asked whether it still is: the relay may have been restarted since. */
  bind(relay: PathAddress, channel: number, key: Uint8Array, now: Millis): BinderEffect[] {
    const name = nameOf(relay, channel);
    if (this.#bindings.has(name)) return this.doubt(relay, channel, now);
    const binding: Binding = {
      relay,
      channel,
      key,
      state: 'binding',
      open: false,
      seq: 0,
      nonce: new Uint8Array(0),
      challenge: undefined,
      startedAt: now,
      rtt: undefined,
      isDoubted: false,
      tries: 0,
      nextAt: now,
    };
    this.#bindings.set(name, binding);
    return this.#restart(binding, now);
  }

  /** Nothing comes by this channel any more: is the relay there? */
  doubt(relay: PathAddress, channel: number, now: Millis): BinderEffect[] {
    const binding = this.#bindings.get(nameOf(relay, channel));
    return binding?.state === 'bound' ? this.#restart(binding, now, true) : [];
  }

  unbind(relay: PathAddress, channel: number): void {
    this.#bindings.delete(nameOf(relay, channel));
  }

  /** The node has another address: every channel is bound anew; the relay sends to the old address until then. */
  handleNetworkChange(now: Millis): BinderEffect[] {
    this.#proofs.clear();
    for (const binding of this.#bindings.values()) binding.rtt = undefined;
    return [...this.#bindings.values()].flatMap((binding) => this.#restart(binding, now));
  }

  /**
   * May this framed datagram be taken (protocol.md N5)? Only from a relay and channel that were bound here. Returns the
   * channel, or the name of a counter.
   */
  acceptFrame(bytes: Uint8Array, from: PathAddress): number | string {
    const channel = decodeFrame(bytes);
    if (typeof channel === 'string') return `frame-${channel}`;
    return this.#bindings.get(nameOf(from, channel))?.open ? channel : 'frame-unbound';
  }

  /** BIND-CHALLENGE or BIND-ACK. */
  handleDatagram(bytes: Uint8Array, from: PathAddress, keepAlive: number, now: Millis): BinderEffect[] {
    const message = decodeBinding(bytes);
    if (typeof message === 'string') return [{ kind: 'counter', name: `bind-${message}` }];
    const binding = this.#bindings.get(nameOf(from, message.channel));
    if (!binding || message.kind === 'bind' || message.seq !== binding.seq || binding.state !== 'binding')
      return [{ kind: 'counter', name: 'bind-unasked' }];
    if (message.kind === 'bind-ack') return this.#ack(binding, message, bytes, keepAlive, now);
    // a forged challenge costs one BIND; the true one that follows is taken as well, within the tries
    if (binding.tries >= 2 * TRIES) return [{ kind: 'counter', name: 'bind-challenged-often' }];
    binding.challenge = message.challenge;
    binding.startedAt = now;
    this.#proofs.set(from, message.challenge);
    return this.#send(binding, now);
  }

  nextDeadline(): Millis | undefined {
    let next: number | undefined;
    for (const binding of this.#bindings.values()) {
      const due = this.#dueAt(binding);
      next = Math.min(next ?? due, due);
    }
    return next === undefined ? undefined : millis(next);
  }

  tick(now: Millis): BinderEffect[] {
    const effects: BinderEffect[] = [];
    // in the order in which they were bound: the first keeps the mapping for the others
    for (const binding of [...this.#bindings.values()]) {
      if (now < this.#dueAt(binding)) continue;
      const mapping = this.#mappings.get(binding.relay) ?? now;
      if (mapping !== ALL_NOW && now >= mapping) this.#mappings.set(binding.relay, NEVER);
      if (binding.state === 'bound') effects.push(...this.#restart(binding, now));
      else if (binding.tries >= TRIES) effects.push(this.#drop(binding, 'silent'));
      else effects.push(...this.#repeat(binding, now));
    }
    return effects;
  }

  #dueAt({ state, relay, nextAt }: Binding): Millis {
    return state === 'bound' ? millis(Math.min(nextAt, this.#mappings.get(relay) ?? nextAt)) : nextAt;
  }

  #restart(binding: Binding, now: Millis, isDoubted = false): BinderEffect[] {
    binding.state = 'binding';
    binding.isDoubted = isDoubted;
    binding.seq = this.#deps.nextSeq();
    binding.nonce = this.#deps.random(16);
    binding.challenge = this.#proofs.get(binding.relay);
    binding.startedAt = now;
    binding.tries = 0;
    return this.#send(binding, now);
  }

  #repeat(binding: Binding, now: Millis): BinderEffect[] {
    const { relay, channel, isDoubted, tries } = binding;
    if (!isDoubted || tries < DOUBT_TRIES) return this.#send(binding, now);
    binding.isDoubted = false;
    return [{ kind: 'silent', relay, channel }, ...this.#send(binding, now)];
  }

  #send(binding: Binding, now: Millis): BinderEffect[] {
    const { provider, self } = this.#deps;
    const { relay, channel, key, seq, nonce, challenge, rtt = DOUBT_MAX_MS } = binding;
    const quick = Math.min(DOUBT_MAX_MS, Math.max(DOUBT_MIN_MS, 2 * rtt));
    binding.nextAt = millis(now + (binding.isDoubted ? quick : REPEAT_MS * 2 ** Math.min(binding.tries, 3)));
    binding.tries++;
    const bytes = encodeBind(provider, key, { kind: 'bind', channel, node: self, seq, nonce, challenge });
    const sent: BinderEffect = { kind: 'send', bytes, to: relay };
    return challenge && !binding.open ? [sent, { kind: 'ahead', relay, channel }] : [sent];
  }

  #ack(binding: Binding, ack: BindAck, bytes: Uint8Array, keepAlive: number, now: Millis): BinderEffect[] {
    if (!equalConstantTime(ack.nonce, binding.nonce) || !isAuthenticBinding(this.#deps.provider, binding.key, bytes))
      return [{ kind: 'counter', name: 'bind-forged' }];
    if (ack.status !== 'bound') return [this.#drop(binding, ack.status)];
    binding.state = 'bound';
    binding.open = true;
    // the shortest: a process that is late measures itself
    binding.rtt = Math.min(binding.rtt ?? Number.POSITIVE_INFINITY, now - binding.startedAt);
    binding.nextAt = millis(now + Math.max(keepAlive, REBIND_MS));
    const { relay, channel, startedAt } = binding;
    this.#mappings.set(relay, millis(now + keepAlive));
    const name = nameOf(relay, channel);
    this.#bindings.delete(name);
    this.#bindings.set(name, binding);
    return [{ kind: 'bound', relay, channel, rtt: now - startedAt }];
  }

  #drop({ relay, channel }: Binding, cause: string): BinderEffect {
    this.unbind(relay, channel);
    // another channel keeps the mapping; what silence means they all look into
    this.#mappings.set(relay, cause === 'silent' ? ALL_NOW : ONE_NOW);
    return { kind: 'unbound', relay, channel, cause };
  }
}

function nameOf(relay: PathAddress, channel: number): string {
  return routeName({ kind: 'relay', address: relay, channel });
}
