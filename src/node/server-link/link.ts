import type { FetchReason, Holding, NodeEndpoints, NodeMessage } from '../../api/channel/node-message.ts';
import type { DirectoryPeer, ServerMessage } from '../../api/channel/server-message.ts';
import type { CoordinatorPlace } from '../../api/channel/services.ts';
import type { JoinToken } from '../../api/join-token.ts';
import { Backoff } from '../../base/backoff.ts';
import { type GroupId, type Millis, millis, type UnixSeconds } from '../../base/brands.ts';
import { compareBytes } from '../../base/bytes.ts';
import { unreachable } from '../../base/unreachable.ts';
import { decodeCaPart, verifyCaPart } from '../../crypto/credential.ts';
import type { CryptoProvider } from '../../crypto/provider.ts';
import { type ChannelEvent, type ChannelPlan, NodeChannel } from './channel.ts';
import type { Enrolment, LinkStatus, LinkTrouble } from './link-state.ts';
import { LINK_TIMES } from './link-times.ts';
import { CHANNEL_TROUBLE, refusedTrouble } from './link-trouble.ts';

/*
 * A node's connection to its server over its whole life, without sockets: which address is tried when, what is sent, and
 * what came. The shell opens and closes what it is told to, one connection at a time.
 *
 *   waiting ──▶ connecting ──▶ channel (channel.ts) ──▶ waiting …      ended: removed, or logged out
 */

export interface LinkDeps {
  readonly provider: CryptoProvider;
  random(length: number): Uint8Array;
  /** the machine's clock, and the server's as far as it is known */
  wall(): UnixSeconds;
  corrected(): UnixSeconds;
  /** seed of the node's identity; it stays the caller's */
  readonly edSeed: Uint8Array;
  readonly release: string;
  readonly alwaysOn: boolean;
  have(): Holding;
  endpoints(): NodeEndpoints;
}

export interface LinkStart {
  /** HOST:PORT, tried in turn */
  readonly servers: readonly string[];
  /** what an earlier run learnt; else `token` brings it */
  readonly enrolment: Enrolment | undefined;
  readonly token: JoinToken | undefined;
  /** name that a newcomer asks for */
  readonly name: string;
  readonly lastContact: UnixSeconds | undefined;
}

export type LinkEffect =
  | { readonly kind: 'connect'; readonly address: string }
  | { readonly kind: 'send'; readonly frames: readonly Uint8Array[] }
  /** the connection that was opened last, if there is one; `wasReady`: the server had answered by it */
  | { readonly kind: 'disconnect'; readonly wasReady: boolean }
  /** to be kept before anything is done with it */
  | { readonly kind: 'enrolled'; readonly enrolment: Enrolment }
  /** an administrator took the node out: everything but its name is to be forgotten */
  | { readonly kind: 'removed'; readonly reason: string }
  /** Keys: verify and keep them, then call `handleTaken` or `handleRefused`. */
  | { readonly kind: 'update'; readonly bundle: Uint8Array }
  /** verified: this node's */
  | { readonly kind: 'certificate'; readonly enrolment: Enrolment }
  | { readonly kind: 'directory'; readonly peers: readonly DirectoryPeer[] }
  /** all of the network's coordinators */
  | { readonly kind: 'services'; readonly coordinators: readonly CoordinatorPlace[] }
  | { readonly kind: 'time'; readonly time: UnixSeconds }
  /** the token brings nothing any more, whatever is tried */
  | { readonly kind: 'join-refused'; readonly code: string; readonly text: string }
  | { readonly kind: 'log'; readonly level: 'info' | 'warn'; readonly event: string; readonly fields: LinkFields }
  /** everything that was to be said was said */
  | { readonly kind: 'left' };

type LinkFields = Readonly<Record<string, string | number | boolean>>;

/** A connection that lasted so long was a good one: the next failure is a first one. */
const GOOD = 10_000;
/** When a server is tried again, over any connection. */
export const SERVER_BACKOFF = { first: 1_000, most: 60_000, least: 0 } as const;

export class ServerLink {
  readonly #deps: LinkDeps;
  readonly #backoff: Backoff;
  readonly #name: string;
  #servers: readonly string[];
  #token: JoinToken | undefined;
  #enrolment: Enrolment | undefined;
  #effects: LinkEffect[] = [];
  #channel: NodeChannel | undefined;
  #opened = false;
  /** the server has answered `hello`: before that it takes nothing more */
  #isReady = false;
  #wanted: { readonly why: FetchReason; readonly group: GroupId | undefined } | undefined;
  #isOver = false;
  #leaving = false;
  #address = 0;
  #retryAt: Millis = millis(0);
  #since: Millis = millis(0);
  #heardAt: Millis = millis(0);
  #saidAt: Millis = millis(0);
  #saidSomething = false;
  #renewedAt: Millis | undefined;
  #fetchedAtStart = false;
  #standing: LinkStatus['standing'];
  #lastContact: UnixSeconds | undefined;
  #clockAhead: number | undefined;
  #trouble: LinkTrouble | undefined;

  constructor(deps: LinkDeps, start: LinkStart) {
    this.#deps = deps;
    this.#backoff = new Backoff(SERVER_BACKOFF, (length) => deps.random(length));
    this.#servers = start.servers;
    this.#enrolment = start.enrolment;
    this.#token = start.token;
    this.#name = start.name;
    this.#lastContact = start.lastContact;
    this.#standing = start.enrolment ? 'unknown' : 'joining';
  }

  takeEffects(): LinkEffect[] {
    return this.#effects.splice(0);
  }

  status(): LinkStatus {
    return {
      address: this.#servers[this.#address] ?? '',
      connected: this.#isReady,
      lastContact: this.#lastContact,
      standing: this.#standing,
      clockAhead: this.#clockAhead,
      trouble: this.#trouble,
    };
  }

  /** Call every half second or so. */
  tick(now: Millis): void {
    if (this.#isOver) return;
    if (!this.#opened && now >= this.#retryAt) return this.#connect(now);
    if (!this.#opened) return;
    if (!this.#isReady) {
      if (now - this.#since >= LINK_TIMES.opening) this.#fail({ code: 'server-not-reached', text: 'no answer' }, now);
      return;
    }
    if (now - this.#heardAt >= LINK_TIMES.silence)
      return this.#fail({ code: 'server-not-reached', text: 'it fell silent' }, now);
    this.#renewWhenDue(now);
    if (this.#saidSomething) this.#saidAt = now;
    this.#saidSomething = false;
    if (now - this.#saidAt >= LINK_TIMES.ping) this.#say({ type: 'ping' });
  }

  handleFrame(frame: Uint8Array, now: Millis): void {
    this.#heardAt = now;
    for (const event of this.#channel?.handleFrame(frame) ?? []) this.#handle(event, now);
  }

  /** The connection is gone, or was not to be made. */
  handleClosed(why: string, now: Millis): void {
    if (this.#opened) this.#fail({ code: 'server-not-reached', text: why }, now);
  }

  /** The newest keys are wanted; false when nobody can be asked now: then the server is as soon as it is there. */
  fetch(why: FetchReason, group?: GroupId): boolean {
    const asked = this.#say({ type: 'fetch', why, ...(group !== undefined && { group }) });
    this.#wanted = asked ? undefined : { why, group };
    return asked;
  }

  /** The bundle is in force and kept; it may have brought another certificate. */
  handleTaken(number: number, caPart: Uint8Array): void {
    if (this.#enrolment) this.#enrolment = { ...this.#enrolment, caPart };
    this.#say({ type: 'received', number });
  }

  /** The bundle did not fit what is held. */
  handleRefused(fault: string): void {
    this.#log('warn', 'update-refused', { fault });
    this.fetch('whole');
  }

  endpointsChanged(): void {
    this.#say({ type: 'endpoints', ...this.#deps.endpoints() });
  }

  /** Another network: a connection that outlived the change answers soon, and one that could not be made may be made now. */
  handleNetworkChange(now: Millis): void {
    if (this.#isReady) {
      this.#heardAt = millis(Math.min(this.#heardAt, now - LINK_TIMES.silence + LINK_TIMES.moved));
      this.#say({ type: 'ping' });
    } else {
      this.#drop();
      this.#retryAt = now;
    }
  }

  /** Says farewell; `left` follows at once when nobody listens. The administrator is told, and the connection ends. */
  leave(): void {
    this.#leaving = true;
    if (!this.#say({ type: 'leave' })) this.#end();
  }

  /** Ends the connection without a word: the node stops, and comes again. */
  close(): void {
    this.#isOver = true;
    this.#drop();
  }

  #connect(now: Millis): void {
    const plan = this.#plan();
    const address = this.#servers[this.#address];
    if (plan === undefined || address === undefined) return this.#end();
    const { provider, random, corrected } = this.#deps;
    this.#channel = new NodeChannel({ provider, random, corrected }, plan);
    this.#opened = true;
    this.#since = now;
    this.#effects.push({ kind: 'connect', address });
  }

  #plan(): ChannelPlan | undefined {
    const { edSeed } = this.#deps;
    if (this.#enrolment === undefined)
      return this.#token && { purpose: 'enrol', token: this.#token, edSeed, name: this.#name };
    const { gmsKey, caPart } = this.#enrolment;
    return { purpose: 'session', gmsKey, caPart, edSeed, hello: () => this.#hello() };
  }

  #hello() {
    const { release, alwaysOn, have, endpoints } = this.#deps;
    const fetch = this.#fetchedAtStart ? 'none' : 'start';
    return { release, formats: [1], have: have(), fetch, alwaysOn, ...endpoints() } as const;
  }

  #handle(event: ChannelEvent, now: Millis): void {
    switch (event.kind) {
      case 'send':
        if (event.frames.length > 0) this.#effects.push(event);
        return;
      case 'open':
        this.#since = now;
        this.#saidAt = now;
        return this.#log('info', 'server-reached', { address: this.status().address });
      case 'enrolled':
        return this.#enrolled(event, now);
      case 'enrol-refused':
        return this.#joinRefused(event.refused, now);
      case 'message':
        return this.#message(event.message, now);
      case 'over':
        return this.#fail(CHANNEL_TROUBLE[event.fault], now);
      default:
        return unreachable(event);
    }
  }

  #enrolled({ answer, gmsKey }: Extract<ChannelEvent, { kind: 'enrolled' }>, now: Millis): void {
    const { network, name, ca, admin, caPart, time, pending } = answer;
    this.#heardTime(time);
    this.#enrolment = { network, name, ca, admin, gmsKey, caPart, caPartAt: time };
    this.#token = undefined;
    this.#standing = pending ? 'pending' : 'active';
    this.#trouble = undefined;
    this.#effects.push({ kind: 'enrolled', enrolment: this.#enrolment });
    this.#log('info', 'enrolled', { network, name, pending });
    this.#drop();
    this.#backoff.reset();
    this.#retryAt = now; // the session follows
  }

  /** A token that is used up, expired or unknown stays so; a server that is busy may be asked again. */
  #joinRefused({ code, text, time }: { code: string; text: string; time: UnixSeconds }, now: Millis): void {
    this.#heardTime(time);
    this.#fail(refusedTrouble(code, text), now);
    if (code === 'too-many-attempts') return;
    this.#isOver = true;
    this.#effects.push({ kind: 'join-refused', code, text });
  }

  #message(message: ServerMessage, now: Millis): void {
    this.#lastContact = this.#deps.corrected();
    switch (message.type) {
      case 'standing':
        return this.#stand(message);
      case 'update':
        this.#fetchedAtStart = true;
        this.#effects.push({ kind: 'update', bundle: message.bundle });
        return;
      case 'certificate':
        return this.#certificate(message.caPart);
      case 'directory':
        this.#effects.push({ kind: 'directory', peers: message.peers });
        return;
      case 'services':
        this.#effects.push({ kind: 'services', coordinators: message.coordinators });
        return;
      case 'removed':
        return this.#removed(message.reason);
      case 'refused':
        this.#heardTime(message.time);
        return this.#fail(refusedTrouble(message.code, message.text), now);
      case 'pong':
        return this.#heardTime(message.time);
      default:
        return unreachable(message);
    }
  }

  #stand({ state, time }: Extract<ServerMessage, { type: 'standing' }>): void {
    this.#heardTime(time);
    if (this.#standing !== state) this.#log('info', 'standing', { state });
    this.#standing = state;
    this.#trouble = undefined;
    this.#isReady = true;
    if (state === 'expired') this.#say({ type: 'renew' });
    if (state !== 'active') return;
    this.#fetchedAtStart = true;
    if (this.#wanted) this.fetch(this.#wanted.why, this.#wanted.group);
  }

  #certificate(bytes: Uint8Array): void {
    const before = this.#enrolment;
    if (before === undefined) return;
    const { provider, corrected } = this.#deps;
    const [old, fresh] = [decodeCaPart(before.caPart), verifyCaPart(provider, bytes, [before.ca], corrected())];
    if (typeof old === 'string' || typeof fresh === 'string' || compareBytes(old.edPk, fresh.edPk) !== 0)
      return this.#log('warn', 'certificate-refused', { fault: typeof fresh === 'string' ? fresh : 'other-node' });
    const wasExpired = this.#standing === 'expired';
    this.#enrolment = { ...before, caPart: bytes, caPartAt: corrected() };
    this.#effects.push({ kind: 'certificate', enrolment: this.#enrolment });
    this.#log('info', 'certificate-renewed', { until: new Date(fresh.notAfter * 1000).toISOString() });
    // the session that it begins with the new one is good for all the rest
    if (wasExpired) this.#drop();
  }

  #removed(reason: string): void {
    if (this.#leaving) return this.#end();
    this.#standing = 'removed';
    this.#isOver = true;
    this.#drop();
    this.#effects.push({ kind: 'removed', reason });
  }

  /** At two thirds of its life; asked again now and then, in case the answer is lost. */
  #renewWhenDue(now: Millis): void {
    const caPart = this.#enrolment && decodeCaPart(this.#enrolment.caPart);
    if (caPart === undefined || typeof caPart === 'string') return;
    const { notBefore, notAfter } = caPart;
    if (this.#deps.corrected() < notBefore + ((notAfter - notBefore) * 2) / 3) return;
    if (this.#renewedAt !== undefined && now - this.#renewedAt < LINK_TIMES.renewAgain) return;
    if (this.#say({ type: 'renew' })) this.#renewedAt = now;
  }

  #heardTime(time: UnixSeconds): void {
    this.#effects.push({ kind: 'time', time });
    this.#lastContact = time;
    this.#clockAhead = this.#deps.wall() - time;
  }

  #say(message: NodeMessage): boolean {
    const frames = (this.#isReady ? this.#channel?.send(message) : undefined) ?? [];
    if (frames.length > 0) this.#effects.push({ kind: 'send', frames });
    this.#saidSomething ||= frames.length > 0;
    return frames.length > 0;
  }

  #fail(trouble: LinkTrouble, now: Millis): void {
    if (this.#leaving) return this.#end();
    const lasted = this.#channel?.isOpen === true && now - this.#since >= GOOD;
    if (this.#trouble?.code !== trouble.code || this.#trouble.text !== trouble.text)
      this.#log('warn', trouble.code, { address: this.status().address, reason: trouble.text });
    this.#trouble = trouble;
    this.#drop();
    if (lasted) this.#backoff.reset();
    // the others are tried at once; only when all failed, the node waits
    this.#address = lasted ? this.#address : (this.#address + 1) % Math.max(1, this.#servers.length);
    const isRound = lasted || this.#address === 0;
    this.#retryAt = isRound ? this.#backoff.next(now) : millis(now + LINK_TIMES.nextAddress);
  }

  #drop(): void {
    this.#channel?.close();
    this.#channel = undefined;
    if (this.#opened) this.#effects.push({ kind: 'disconnect', wasReady: this.#isReady });
    this.#isReady = false;
    this.#opened = false;
  }

  #end(): void {
    this.#isOver = true;
    this.#drop();
    this.#effects.push({ kind: 'left' });
  }

  #log(level: 'info' | 'warn', event: string, fields: LinkFields): void {
    this.#effects.push({ kind: 'log', level, event, fields });
  }
}
