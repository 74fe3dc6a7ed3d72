import { type Millis, type NodeId, type UnixSeconds, unixSeconds } from '../../base/brands.ts';
import { ByteReader } from '../../base/byte-reader.ts';
import type { PathAddress } from '../../base/path-address.ts';
import { Allowance } from '../../base/rate-table.ts';
import { CREDENTIAL_SIZE, decodeCredential } from '../../crypto/credential.ts';
import type { CryptoProvider, KeyPair } from '../../crypto/provider.ts';
import { NAT_KIND } from '../../nat/constants.ts';
import { type HeardHello, openHello, type SignalSession } from '../../nat/signal-session.ts';
import { sourceName } from '../datagrams/served-place.ts';
import { checkCredential } from '../gms/channel-credential.ts';
import type { Moment } from '../gms/hub-effects.ts';
import type { DcEffects, DcSocket } from './dc-effects.ts';
import * as limits from './dc-limits.ts';
import { HelloGuard } from './hello-guard.ts';
import type { Members } from './members.ts';
import type { SignalPeer } from './signal-peer.ts';

/** What sessions need from outside. */
export interface SessionDeps {
  readonly provider: CryptoProvider;
  random(length: number): Uint8Array;
  /** X25519: the one that nodes know the server by */
  readonly keys: KeyPair;
  readonly caPublic: Uint8Array;
  readonly members: Members;
}

interface Introduced {
  readonly node: NodeId;
  readonly helloTime: number;
  readonly ends: UnixSeconds;
}

/** Where a HELLO came from. */
type Place = Pick<SignalPeer, 'from' | 'socket' | 'source'>;

/** Bounds on sessions that a HELLO may meet. */
type NoRoom = 'dc-full' | 'dc-source-full';

const TIME_BYTES = 8;
const EMPTY = new Uint8Array(0);

/**
 * Who speaks to this coordinator (protocol.md 6.6). Nothing of a node's standing changes by its HELLO, which anybody may have
 * recorded: the session that it opens replaces the node's earlier one only when something authentic was said in it.
 *
 *   HELLO ─► limits, cookie ─► Noise ─► time, standing, credential ─► unproved ──first SIGNAL──► proved ──silence, end──► gone
 */
export class SignalSessions {
  readonly #deps: SessionDeps;
  readonly #effects: DcEffects;
  readonly #guard: HelloGuard;
  readonly #byIndex = new Map<number, SignalPeer>();
  readonly #byTicket = new Map<number, SignalPeer>();
  readonly #proved = new Map<NodeId, SignalPeer>();
  /** one for each way: who greets by UDP and through a tunnel at the same time must not end the one session by the other */
  readonly #unproved = new Map<string, SignalPeer>();
  /** sessions by source, proved and not */
  readonly #provedOf = new Map<string, number>();
  readonly #unprovedOf = new Map<string, number>();
  /** time of the newest HELLO that was taken of each node */
  readonly #newest = new Map<NodeId, number>();

  constructor(deps: SessionDeps, effects: DcEffects, now: Millis) {
    this.#deps = deps;
    this.#effects = effects;
    this.#guard = new HelloGuard(deps.provider, (length) => deps.random(length), now);
  }

  /** Nodes in a proved session. */
  get size(): number {
    return this.#proved.size;
  }

  of(node: NodeId): SignalPeer | undefined {
    return this.#proved.get(node);
  }

  byIndex(index: number): SignalPeer | undefined {
    return this.#byIndex.get(index);
  }

  /** Tickets are of use from the first REGISTERED on, which only a proved session gets. */
  byTicket(ticket: number): SignalPeer | undefined {
    return this.#byTicket.get(ticket);
  }

  /** HELLO or PROVED-HELLO. */
  handleHello(bytes: Uint8Array, from: PathAddress, socket: DcSocket, moment: Moment): void {
    const { now } = moment;
    const isProved = bytes[0] === NAT_KIND.provedHello;
    const admission = isProved
      ? this.#guard.admitProved(bytes, from, now)
      : this.#guard.admit(bytes, from, socket === 'tunnel', now);
    if (admission.kind === 'open') return this.#hear(admission.hello, from, socket, moment);
    if (admission.kind === 'answer') this.#effects.emit({ kind: 'send', bytes: admission.bytes, to: from, socket });
    this.#effects.count(admission.counter);
  }

  #hear(hello: Uint8Array, from: PathAddress, socket: DcSocket, moment: Moment): void {
    const source = sourceName(from);
    const heard = openHello(this.#deps.provider, this.#deps.keys, hello);
    if (typeof heard === 'string') return this.#effects.count(`dc-hello-${heard}`);
    const introduced = this.#introduce(heard, moment);
    const place = { from, socket, source };
    if (introduced === undefined || this.#isRepeated(introduced, place)) return;
    const full = this.#fullFor(introduced.node, place);
    if (full !== undefined) return this.#effects.count(full);
    this.#open(heard, introduced, place, moment.now);
  }

  /** Something authentic was said in this session: it is the node's, and any other one ends. */
  prove(peer: SignalPeer): void {
    if (peer.isProved) return;
    const before = this.#proved.get(peer.node);
    if (before) this.end(before);
    this.#unproved.delete(wayOf(peer));
    change(this.#unprovedOf, peer.source, -1);
    peer.isProved = true;
    this.#proved.set(peer.node, peer);
    this.#byTicket.set(peer.ticket, peer);
    change(this.#provedOf, peer.source, 1);
  }

  end(peer: SignalPeer): void {
    this.#byIndex.delete(peer.index);
    if (this.#byTicket.get(peer.ticket) === peer) this.#byTicket.delete(peer.ticket);
    if (this.#proved.get(peer.node) === peer) this.#proved.delete(peer.node);
    if (this.#unproved.get(wayOf(peer)) === peer) this.#unproved.delete(wayOf(peer));
    change(peer.isProved ? this.#provedOf : this.#unprovedOf, peer.source, -1);
    peer.session.wipe();
  }

  /** The node is not of the network any more. */
  remove(node: NodeId): void {
    const unproved = [...this.#unproved.values()].filter((peer) => peer.node === node);
    for (const peer of [this.#proved.get(node), ...unproved]) if (peer) this.end(peer);
    this.#newest.delete(node);
  }

  /** Ends what was silent for too long, and whose credential has ended. */
  tick({ now, time }: Moment): void {
    for (const peer of [...this.#unproved.values()]) if (now - peer.heardAt >= limits.UNPROVED_MS) this.end(peer);
    for (const peer of [...this.#proved.values()])
      if (now - peer.heardAt >= limits.LIFETIME_S * 1_000 || time >= peer.ends) this.end(peer);
  }

  /** Cheap checks first: who replays what it recorded gets no signature checked. */
  #introduce({ payload, remoteStatic }: HeardHello, { time }: Moment): Introduced | undefined {
    if (payload.length !== TIME_BYTES + CREDENTIAL_SIZE.credential) return this.#refuse('length');
    const reader = new ByteReader(payload);
    const helloTime = reader.u32() * 2 ** 32 + reader.u32();
    if (Math.abs(helloTime - time * 1_000) > limits.HELLO_SKEW_MS) return this.#refuse('time');
    const credential = payload.subarray(TIME_BYTES);
    const stated = decodeCredential(credential);
    if (typeof stated === 'string') return this.#refuse('credential');
    const node = stated.caPart.nodeId;
    if (helloTime < (this.#newest.get(node) ?? 0)) return this.#refuse('old');
    if (!this.#deps.members.isActive(node)) return this.#refuse('not-a-member');
    const checked = checkCredential(this.#deps.provider, credential, remoteStatic, this.#deps.caPublic, time);
    if (typeof checked === 'string') return this.#refuse('credential');
    if (checked.expired) return this.#refuse('expired');
    return { node, helloTime, ends: unixSeconds(Math.min(stated.caPart.notAfter, stated.keyPart.notAfter)) };
  }

  #refuse(reason: string): undefined {
    this.#effects.count(`dc-hello-${reason}`);
  }

  /** The same HELLO again: the same WELCOME, to where the first one went. */
  #isRepeated({ node, helloTime }: Introduced, place: Place): boolean {
    if (helloTime !== this.#newest.get(node)) return false;
    const peer = this.#unproved.get(wayOf({ node, ...place }));
    if (peer?.helloTime === helloTime && peer.from === place.from) this.#welcome(peer);
    else this.#effects.count('dc-hello-repeated');
    return true;
  }

  #fullFor(node: NodeId, place: Place): NoRoom | undefined {
    const { source } = place;
    const { UNPROVED, UNPROVED_OF_SOURCE, SESSIONS, SESSIONS_OF_SOURCE } = limits;
    if (this.#proved.get(node)?.source !== source) {
      if ((this.#provedOf.get(source) ?? 0) >= SESSIONS_OF_SOURCE) return 'dc-source-full';
      if (this.#proved.size >= SESSIONS && !this.#proved.has(node)) return 'dc-full';
    }
    if (this.#unproved.has(wayOf({ node, ...place }))) return undefined;
    if ((this.#unprovedOf.get(source) ?? 0) >= UNPROVED_OF_SOURCE) return 'dc-source-full';
    return this.#unproved.size >= UNPROVED ? 'dc-full' : undefined;
  }

  #open(heard: HeardHello, introduced: Introduced, place: Place, now: Millis): void {
    const { provider, random } = this.#deps;
    const index = this.#freeNumber(this.#byIndex);
    const accepted = heard.accept(provider.x25519KeyPair(random(32)), index, EMPTY);
    if (typeof accepted === 'string') return this.#effects.count(`dc-hello-${accepted}`);
    const before = this.#unproved.get(wayOf({ ...introduced, ...place }));
    if (before) this.end(before);
    const peer = this.#newPeer(introduced, place, index, accepted, now);
    this.#newest.set(peer.node, peer.helloTime);
    this.#unproved.set(wayOf(peer), peer);
    change(this.#unprovedOf, peer.source, 1);
    this.#byIndex.set(index, peer);
    this.#welcome(peer);
  }

  #newPeer(
    introduced: Introduced,
    place: Place,
    index: number,
    accepted: { readonly welcome: Uint8Array; readonly session: SignalSession },
    now: Millis,
  ): SignalPeer {
    return {
      ...introduced,
      ...place,
      ...accepted,
      index,
      ticket: this.#freeNumber(this.#byTicket),
      reflectKey: this.#deps.random(32),
      messages: new Allowance(limits.SIGNAL_RATE, now),
      requests: new Allowance(limits.REQUEST_RATE, now),
      directions: new Allowance(limits.TARGET_RATE, now),
      reflections: new Allowance(limits.REFLECT_RATE, now),
      isProved: false,
      heardAt: now,
      registration: undefined,
      toldRelays: undefined,
    };
  }

  /** Shorter than the HELLO that it answers. */
  #welcome({ welcome, from, socket }: SignalPeer): void {
    this.#effects.emit({ kind: 'send', bytes: welcome, to: from, socket });
  }

  #freeNumber(taken: ReadonlyMap<number, unknown>): number {
    for (;;) {
      const number = new ByteReader(this.#deps.random(4)).u32();
      if (number !== 0 && !taken.has(number)) return number;
    }
  }
}

function wayOf({ node, socket }: Pick<SignalPeer, 'node' | 'socket'>): string {
  return `${node} ${socket === 'tunnel' ? 'tunnel' : 'udp'}`;
}

function change(counts: Map<string, number>, key: string, by: number): void {
  const count = (counts.get(key) ?? 0) + by;
  if (count > 0) counts.set(key, count);
  else counts.delete(key);
}
