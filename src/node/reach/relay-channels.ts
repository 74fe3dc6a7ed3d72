import { type Millis, millis, type NodeId } from '../../base/brands.ts';
import type { PathAddress } from '../../base/path-address.ts';
import { routeName } from '../../nat/path-route.ts';
import { type BinderDeps, type BinderEffect, RelayBinder } from '../../nat/relay-binder.ts';
import type { Registered } from '../../nat/signal-message.ts';
import type { FrameGate } from './frame-gate.ts';
import { REACH } from './tuning.ts';

export type ChannelEvent =
  | Extract<BinderEffect, { kind: 'send' | 'counter' }>
  | { readonly kind: 'bound'; readonly peer: NodeId; readonly relay: PathAddress; readonly channel: number }
  | { readonly kind: 'unbound'; readonly peer: NodeId; readonly relay: PathAddress; readonly channel: number };

interface Channel {
  readonly peer: NodeId;
  readonly relay: PathAddress;
  readonly channel: number;
  /** the peer has a newer one: this one ends then */
  until: Millis | undefined;
}

/** The relay channels of this node, each for one peer, and the frames that are taken by them (protocol.md 7). */
export class RelayChannels {
  readonly #binder: RelayBinder;
  readonly #gate: FrameGate;
  readonly #channels = new Map<string, Channel>();
  /** by relay: what this node's BINDs are made with */
  readonly #keys = new Map<PathAddress, Uint8Array>();

  constructor(deps: BinderDeps, gate: FrameGate) {
    this.#binder = new RelayBinder(deps);
    this.#gate = gate;
  }

  /** A registration names the relays, and gives the key for them. */
  learn({ relays, relayKey }: Registered): void {
    for (const relay of relays) this.learnKey(relay, relayKey);
  }

  learnKey(relay: PathAddress, key: Uint8Array): void {
    this.#keys.set(relay, key);
  }

  bind(peer: NodeId, relay: PathAddress, channel: number, now: Millis): ChannelEvent[] {
    const key = this.#keys.get(relay);
    if (!key) return [{ kind: 'counter', name: 'relay-without-key' }];
    const name = nameOf(relay, channel);
    for (const [other, known] of this.#channels)
      if (known.peer === peer && other !== name) known.until ??= millis(now + REACH.formerChannelMs);
    this.#channels.set(name, { peer, relay, channel, until: undefined });
    return this.#events(this.#binder.bind(relay, channel, key, now));
  }

  handleNetworkChange(now: Millis): ChannelEvent[] {
    return this.#events(this.#binder.handleNetworkChange(now));
  }

  handleDatagram(bytes: Uint8Array, from: PathAddress, now: Millis): ChannelEvent[] {
    return this.#events(this.#binder.handleDatagram(bytes, from, REACH.rebindMs, now));
  }

  nextDeadline(): Millis | undefined {
    return this.#binder.nextDeadline();
  }

  tick(now: Millis): ChannelEvent[] {
    for (const [name, { relay, channel, until }] of this.#channels)
      if (until !== undefined && now >= until) this.#drop(name, relay, channel);
    return this.#events(this.#binder.tick(now));
  }

  forget(peer: NodeId): void {
    for (const [name, known] of this.#channels) if (known.peer === peer) this.#drop(name, known.relay, known.channel);
  }

  #drop(name: string, relay: PathAddress, channel: number): void {
    this.#channels.delete(name);
    this.#binder.unbind(relay, channel);
    this.#gate.close(channel);
  }

  #events(effects: readonly BinderEffect[]): ChannelEvent[] {
    return effects.flatMap((effect) => {
      if (effect.kind === 'send' || effect.kind === 'counter') return effect;
      const { kind, relay, channel } = effect;
      const name = nameOf(relay, channel);
      const peer = this.#channels.get(name)?.peer;
      if (peer === undefined) return [];
      if (kind === 'bound') this.#gate.open(relay, channel);
      else this.#drop(name, relay, channel);
      return { kind, peer, relay, channel };
    });
  }
}

function nameOf(relay: PathAddress, channel: number): string {
  return routeName({ kind: 'relay', address: relay, channel });
}
