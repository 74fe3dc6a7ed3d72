import { type Millis, millis, type NodeId } from '../../base/brands.ts';
import { type PathAddress, relayPath } from '../../base/path-address.ts';
import { decodeBinding, MEASURING_CHANNEL } from '../../nat/bind.ts';
import { routeName } from '../../nat/path-route.ts';
import { type BinderDeps, type BinderEffect, RelayBinder } from '../../nat/relay-binder.ts';
import { RelayMeter } from '../../nat/relay-meter.ts';
import type { RelayPlace, RelayReach } from '../../nat/signal-message.ts';
import type { FrameGate } from './frame-gate.ts';
import { REACH } from './tuning.ts';

export type ChannelEvent =
  | Extract<BinderEffect, { kind: 'send' | 'counter' }>
  /** how far the relays are is news for the coordinators */
  | { readonly kind: 'measured' }
  /** what is sent by this channel now follows a BIND that may well be taken */
  | { readonly kind: 'ahead'; readonly peer: NodeId; readonly relay: PathAddress; readonly channel: number }
  | { readonly kind: 'bound'; readonly peer: NodeId; readonly relay: PathAddress; readonly channel: number }
  | { readonly kind: 'unbound'; readonly peer: NodeId; readonly relay: PathAddress; readonly channel: number };

interface Channel {
  readonly peer: NodeId;
  readonly relay: PathAddress;
  readonly channel: number;
  readonly since: Millis;
  /** the peer has a newer one: this one ends then */
  until: Millis | undefined;
  /** its relay did not answer when it was in doubt */
  isSilent: boolean;
}

/** The relay channels of this node, each for one peer, and the frames that are taken by them (protocol.md 7). */
export class RelayChannels {
  readonly #binder: RelayBinder;
  readonly #meter: RelayMeter;
  readonly #gate: FrameGate;
  readonly #channels = new Map<string, Channel>();
  /** by relay: what this node's BINDs are made with */
  readonly #keys = new Map<PathAddress, Uint8Array>();

  constructor(deps: BinderDeps, gate: FrameGate) {
    // what one of them was given, the other uses
    const proofs = new Map<PathAddress, Uint8Array>();
    this.#binder = new RelayBinder({ ...deps, proofs });
    this.#meter = new RelayMeter({ ...deps, proofs });
    this.#gate = gate;
  }

  /** How far the relays are, for REGISTER. */
  reached(): readonly RelayReach[] {
    return this.#meter.reached();
  }

  /** The relays of all coordinators, with the keys by which they admit this node. */
  setRelays(places: readonly RelayPlace[], now: Millis): ChannelEvent[] {
    for (const { address, key } of places) this.#keys.set(address, key);
    return [...this.#meter.setRelays(places, now)];
  }

  bind(peer: NodeId, relay: PathAddress, channel: number, now: Millis): ChannelEvent[] {
    const key = this.#keys.get(relay);
    if (!key) return [{ kind: 'counter', name: 'relay-without-key' }];
    const name = nameOf(relay, channel);
    for (const [other, known] of this.#channels) {
      if (known.peer !== peer || other === name) continue;
      if (known.isSilent) this.#drop(other, known.relay, known.channel);
      else known.until ??= millis(now + REACH.formerChannelMs);
    }
    this.#channels.set(name, { peer, relay, channel, since: now, until: undefined, isSilent: false });
    return this.#events(this.#binder.bind(relay, channel, key, now), now);
  }

  /** Nothing comes by this channel any more. */
  doubt(relay: PathAddress, channel: number, now: Millis): ChannelEvent[] {
    return this.#events(this.#binder.doubt(relay, channel, now), now);
  }

  handleNetworkChange(now: Millis): ChannelEvent[] {
    return [...this.#events(this.#binder.handleNetworkChange(now), now), ...this.#meter.handleNetworkChange(now)];
  }

  handleDatagram(bytes: Uint8Array, from: PathAddress, now: Millis): ChannelEvent[] {
    if (isMeasuring(bytes)) return [...this.#meter.handleDatagram(bytes, from, now)];
    return this.#events(this.#binder.handleDatagram(bytes, from, REACH.rebindMs, now), now);
  }

  nextDeadline(): Millis | undefined {
    const times = [this.#binder.nextDeadline(), this.#meter.nextDeadline()].filter((time) => time !== undefined);
    return times.length === 0 ? undefined : millis(Math.min(...times));
  }

  tick(now: Millis): ChannelEvent[] {
    for (const [name, { relay, channel, until }] of this.#channels)
      if (until !== undefined && now >= until) this.#drop(name, relay, channel);
    return [...this.#events(this.#binder.tick(now), now), ...this.#meter.tick(now)];
  }

  /** Gives up channels that nobody needs, so that they cost no keep-alive; the next direction brings them back. */
  release(isNeeded: (peer: NodeId, path: PathAddress, since: Millis) => boolean): void {
    for (const [name, { peer, relay, channel, since }] of this.#channels)
      if (!isNeeded(peer, relayPath(relay, channel), since)) this.#drop(name, relay, channel);
  }

  forget(peer: NodeId): void {
    for (const [name, known] of this.#channels) if (known.peer === peer) this.#drop(name, known.relay, known.channel);
  }

  #drop(name: string, relay: PathAddress, channel: number): void {
    this.#channels.delete(name);
    this.#binder.unbind(relay, channel);
    this.#gate.close(relay, channel);
  }

  #events(effects: readonly BinderEffect[], now: Millis): ChannelEvent[] {
    return effects.flatMap((effect): ChannelEvent | ChannelEvent[] => {
      if (effect.kind === 'send' || effect.kind === 'counter') return effect;
      const { kind, relay, channel } = effect;
      const name = nameOf(relay, channel);
      const known = this.#channels.get(name);
      if (!known) return [];
      const { peer } = known;
      if (kind === 'ahead') {
        // what the relay kept for this end comes right behind BIND-ACK, and may be read together with it
        this.#gate.open(relay, channel);
        return { kind, peer, relay, channel };
      }
      known.isSilent = kind === 'silent';
      if (kind === 'bound') this.#gate.open(relay, channel);
      if (kind === 'unbound') this.#drop(name, relay, channel);
      const event = { kind: kind === 'bound' ? kind : 'unbound', peer, relay, channel } as const;
      const isSilent = kind === 'silent' || (kind === 'unbound' && effect.cause === 'silent');
      // the coordinators learn of it before they are asked for another one
      return isSilent ? [...this.#meter.handleSilent(relay, now), event] : event;
    });
  }
}

/** Is this about channel 0, which nobody is bound to? */
function isMeasuring(bytes: Uint8Array): boolean {
  const message = decodeBinding(bytes);
  return typeof message !== 'string' && message.channel === MEASURING_CHANNEL;
}

function nameOf(relay: PathAddress, channel: number): string {
  return routeName({ kind: 'relay', address: relay, channel });
}
