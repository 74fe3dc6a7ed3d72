import type { FetchReason } from '../../api/channel/node-message.ts';
import type { Millis } from '../../base/brands.ts';
import type { Logger } from '../../base/log.ts';
import { unreachable } from '../../base/unreachable.ts';
import type { LinkEffect, ServerLink } from './link.ts';
import type { LinkStatus } from './link-state.ts';

/** What came from the server for the rest of the node. */
export type LinkNews = Exclude<LinkEffect, { kind: 'connect' | 'send' | 'log' }>;

const TICK = 500;

/** One connection: `close` ends it without another call. */
export interface LinkConnection {
  send(frames: readonly Uint8Array[]): void;
  close(): void;
}

export interface ConnectionCalls {
  frame(bytes: Uint8Array): void;
  closed(why: string): void;
}

/** The world as a link's shell sees it. */
export interface LinkPorts {
  now(): Millis;
  /** calls again and again, every so many milliseconds, until what it returns is called */
  every(interval: number, act: () => void): () => void;
  open(address: string, calls: ConnectionCalls): LinkConnection;
  readonly log: Logger;
}

/** Carries out what a link asks for: connections, timer, log. News go to whoever listens. */
export class LinkShell {
  readonly #link: ServerLink;
  readonly #ports: LinkPorts;
  readonly #news: (news: LinkNews) => void;
  #connection: LinkConnection | undefined;
  #endTimer: (() => void) | undefined;

  constructor(link: ServerLink, ports: LinkPorts, news: (news: LinkNews) => void) {
    this.#link = link;
    this.#ports = ports;
    this.#news = news;
  }

  start(): void {
    this.#endTimer = this.#ports.every(TICK, () => this.#step((now) => this.#link.tick(now)));
    this.#step((now) => this.#link.tick(now));
  }

  status(): LinkStatus {
    return this.#link.status();
  }

  fetch(why: FetchReason): boolean {
    let asked = false;
    this.#step(() => {
      asked = this.#link.fetch(why);
    });
    return asked;
  }

  handleTaken(number: number, caPart: Uint8Array): void {
    this.#step(() => this.#link.handleTaken(number, caPart));
  }

  handleRefused(fault: string): void {
    this.#step(() => this.#link.handleRefused(fault));
  }

  endpointsChanged(): void {
    this.#step(() => this.#link.endpointsChanged());
  }

  networkChanged(): void {
    this.#step((now) => {
      this.#link.handleNetworkChange(now);
      this.#link.tick(now);
    });
  }

  leave(): void {
    this.#step(() => this.#link.leave());
  }

  stop(): void {
    this.#endTimer?.();
    this.#link.close();
    this.#carryOut();
  }

  #step(act: (now: Millis) => void): void {
    act(this.#ports.now());
    this.#carryOut();
  }

  #carryOut(): void {
    for (const effect of this.#link.takeEffects()) this.#carryOutOne(effect);
  }

  #carryOutOne(effect: LinkEffect): void {
    switch (effect.kind) {
      case 'connect':
        return this.#connect(effect.address);
      case 'send':
        return this.#connection?.send(effect.frames);
      case 'disconnect':
        this.#connection?.close();
        this.#connection = undefined;
        return this.#news(effect);
      case 'log':
        return this.#ports.log.log(effect.level, effect.event, effect.fields);
      case 'enrolled':
      case 'removed':
      case 'update':
      case 'certificate':
      case 'directory':
      case 'services':
      case 'time':
      case 'join-refused':
      case 'left':
        return this.#news(effect);
      default:
        return unreachable(effect);
    }
  }

  #connect(address: string): void {
    this.#connection?.close();
    this.#connection = this.#ports.open(address, {
      frame: (bytes) => this.#step((now) => this.#link.handleFrame(bytes, now)),
      closed: (why) => this.#step((now) => this.#link.handleClosed(why, now)),
    });
  }
}
