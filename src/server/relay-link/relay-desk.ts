import {
  type AllowedChannel,
  decodeRelayMessage,
  encodeRelayOrder,
  MAX_RELAY_MESSAGE,
  MOST_ALLOWED,
  type RelayMessage,
  type RelayOrder,
} from '../../api/channel/relay-message.ts';
import type { Millis, NodeId } from '../../base/brands.ts';
import { fromHex } from '../../base/bytes.ts';
import type { PathAddress } from '../../base/path-address.ts';
import { unreachable } from '../../base/unreachable.ts';
import { freshKeyPair } from '../../crypto/fresh-key-pair.ts';
import type { RecordChannel } from '../../crypto/noise-channel-records.ts';
import type { CryptoProvider } from '../../crypto/provider.ts';
import { answerRelay, relaySecrets } from '../../crypto/relay-link.ts';
import { CHANNEL_MS, CHANNELS } from '../dc/dc-limits.ts';
import type { RelaySite } from '../dc/relay-sites.ts';
import type { View } from '../network/draft.ts';
import { decodeOpening, encodeReply } from './link-frame.ts';

/*
 * The server's side of the links to relays that run apart (protocol.md 7.1). Sans-io: connections, frames, changes of the
 * rows and the time go in, effects come out.
 *
 *   frame ─► opening: which relay, does it know its secret? ─► hello ─► up: a site of the coordinator
 *   allow, remove ─────────────────────────────────────────► orders to the relay; those of an hour are kept for its next link
 */

export type DeskEffect =
  | { readonly kind: 'send'; readonly link: number; readonly frame: Uint8Array }
  | { readonly kind: 'close'; readonly link: number; readonly reason: string }
  /** the relay on this connection has proved who it is */
  | { readonly kind: 'proved'; readonly link: number }
  | { readonly kind: 'up'; readonly name: string; readonly endpoints: readonly PathAddress[] }
  | { readonly kind: 'down'; readonly name: string; readonly reason: string };

export interface RelayDeskDeps {
  readonly view: View;
  readonly provider: CryptoProvider;
  random(length: number): Uint8Array;
}

interface Link {
  readonly id: number;
  relay: string | undefined;
  name: string;
  records: RecordChannel | undefined;
  site: RelaySite | undefined;
  heardAt: Millis;
}

interface Kept extends AllowedChannel {
  readonly at: Millis;
}

/** A relay says something every second; after so long without a word it is not offered to nodes. */
const SILENT_MS = 5_000;
/** Connections that have not said hello. */
const MOST_UNPROVED = 64;

export class RelayDesk {
  readonly #deps: RelayDeskDeps;
  readonly #links = new Map<number, Link>();
  /** by relay id, then by channel, the oldest first */
  readonly #allowed = new Map<string, Map<number, Kept>>();
  #effects: DeskEffect[] = [];
  #sites: readonly RelaySite[] = [];

  constructor(deps: RelayDeskDeps) {
    this.#deps = deps;
  }

  /** Relays that are up; the same list until something changes. */
  get sites(): readonly RelaySite[] {
    return this.#sites;
  }

  takeEffects(): DeskEffect[] {
    return this.#effects.splice(0);
  }

  /** Where a relay is reached; undefined when it is not connected. */
  endpointsOf(relay: string): readonly PathAddress[] | undefined {
    return this.#sites.find(({ name }) => name === relay)?.endpoints;
  }

  handleOpened(id: number, now: Millis): void {
    const unproved = [...this.#links.values()].filter(({ site }) => !site);
    const [oldest] = unproved;
    if (unproved.length >= MOST_UNPROVED && oldest) this.#end(oldest, 'crowded');
    this.#links.set(id, { id, relay: undefined, name: '', records: undefined, site: undefined, heardAt: now });
  }

  handleFrame(id: number, frame: Uint8Array, now: Millis): void {
    const link = this.#links.get(id);
    if (!link) return;
    if (!link.records) return this.#open(link, frame);
    const opened = link.records.open(frame);
    if (typeof opened === 'string') return this.#end(link, opened);
    if (!opened.message) return;
    const message = decodeRelayMessage(opened.message);
    if (message === 'message-type') return;
    if (typeof message === 'string') return this.#end(link, message);
    link.heardAt = now;
    this.#message(link, message);
  }

  handleClosed(id: number): void {
    const link = this.#links.get(id);
    if (link) this.#forget(link, 'gone');
  }

  /** These two may use a channel of that relay. */
  allow(relay: string, channel: number, nodes: readonly [NodeId, NodeId], now: Millis): void {
    const kept = this.#allowed.get(relay) ?? new Map<number, Kept>();
    this.#allowed.set(relay, kept);
    kept.delete(channel);
    kept.set(channel, { channel, nodes, at: now });
    const [oldest] = kept.keys();
    if (kept.size > CHANNELS && oldest !== undefined) kept.delete(oldest);
    for (const link of this.#links.values())
      if (link.relay === relay && link.site) this.#say(link, { type: 'allow', channels: [{ channel, nodes }] });
  }

  /** The node was taken out of the network. */
  handleRemoved(node: NodeId): void {
    for (const kept of this.#allowed.values())
      for (const [channel, { nodes }] of kept) if (nodes.includes(node)) kept.delete(channel);
    for (const link of this.#links.values()) if (link.site) this.#say(link, { type: 'remove', nodes: [node] });
  }

  /** Rows of relays changed: one that is no more has no link. */
  handleRelaysChanged(): void {
    for (const link of [...this.#links.values()])
      if (link.relay !== undefined && !this.#deps.view.get('relays', link.relay)) this.#end(link, 'removed');
    for (const relay of [...this.#allowed.keys()])
      if (!this.#deps.view.get('relays', relay)) this.#allowed.delete(relay);
  }

  /** Call every 100 ms or so. */
  tick(now: Millis): void {
    for (const link of [...this.#links.values()]) if (now - link.heardAt >= SILENT_MS) this.#end(link, 'silent');
    for (const kept of this.#allowed.values())
      for (const [channel, { at }] of kept) {
        if (now - at < CHANNEL_MS) break;
        kept.delete(channel);
      }
  }

  #open(link: Link, frame: Uint8Array): void {
    const opening = decodeOpening(frame);
    const row = opening && this.#deps.view.get('relays', opening.id);
    if (!opening || !row) return this.#end(link, opening ? 'unknown' : 'frame');
    const { provider, random } = this.#deps;
    const { link: psk } = relaySecrets(provider, row.secret);
    const ephemeral = freshKeyPair(provider, random);
    const answered = answerRelay(provider, fromHex(row.id), psk, ephemeral, opening.message, MAX_RELAY_MESSAGE);
    if (typeof answered === 'string') return this.#end(link, answered);
    link.relay = row.id;
    link.name = row.name;
    link.records = answered.records;
    this.#effects.push({ kind: 'send', link: link.id, frame: encodeReply(answered.reply) });
  }

  #message(link: Link, message: RelayMessage): void {
    switch (message.type) {
      case 'hello':
        return this.#hello(link, message.endpoints);
      case 'ping':
        return this.#say(link, { type: 'pong' });
      default:
        return unreachable(message);
    }
  }

  /** The first record: nobody recorded it, so the relay is there. An earlier link of it is over. */
  #hello(link: Link, endpoints: readonly PathAddress[]): void {
    const { relay } = link;
    const row = relay === undefined ? undefined : this.#deps.view.get('relays', relay);
    if (relay === undefined || !row) return this.#end(link, 'removed');
    for (const other of [...this.#links.values()])
      if (other !== link && other.relay === relay && other.site) this.#end(other, 'replaced');
    const isNew = !link.site;
    link.site = { name: relay, endpoints, secret: relaySecrets(this.#deps.provider, row.secret).nodes };
    this.#change();
    if (!isNew) return;
    this.#effects.push({ kind: 'proved', link: link.id });
    this.#effects.push({ kind: 'up', name: link.name, endpoints });
    this.#say(link, { type: 'welcome', name: link.name });
    const kept = [...(this.#allowed.get(relay)?.values() ?? [])].map(({ channel, nodes }) => ({ channel, nodes }));
    for (let at = 0; at < kept.length; at += MOST_ALLOWED)
      this.#say(link, { type: 'allow', channels: kept.slice(at, at + MOST_ALLOWED) });
  }

  #say(link: Link, order: RelayOrder): void {
    const frames = link.records?.seal(encodeRelayOrder(order)) ?? 'closed';
    if (typeof frames === 'string') return this.#end(link, frames);
    for (const frame of frames) this.#effects.push({ kind: 'send', link: link.id, frame });
  }

  #end(link: Link, reason: string): void {
    this.#effects.push({ kind: 'close', link: link.id, reason });
    this.#forget(link, reason);
  }

  #forget(link: Link, reason: string): void {
    link.records?.close();
    this.#links.delete(link.id);
    if (!link.site) return;
    this.#change();
    this.#effects.push({ kind: 'down', name: link.name, reason });
  }

  #change(): void {
    this.#sites = [...this.#links.values()].flatMap(({ site }) => (site ? [site] : []));
  }
}
