import type { FetchReason } from '../../api/channel/node-message.ts';
import { type Millis, millis } from '../../base/brands.ts';
import type { Logger } from '../../base/log.ts';
import { unreachable } from '../../base/unreachable.ts';
import type { LinkEffect, ServerLink } from './link.ts';
import { LinkSocket } from './link-socket.ts';
import type { LinkStatus } from './link-state.ts';

/** What came from the server for the rest of the node. */
export type LinkNews = Exclude<LinkEffect, { kind: 'connect' | 'send' | 'disconnect' | 'log' }>;

const TICK = 500;

/** Carries out what a link asks for: sockets, timer, log. News go to whoever listens. */
export class LinkShell {
  readonly #link: ServerLink;
  readonly #log: Logger;
  readonly #news: (news: LinkNews) => void;
  #socket: LinkSocket | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(link: ServerLink, log: Logger, news: (news: LinkNews) => void) {
    this.#link = link;
    this.#log = log;
    this.#news = news;
  }

  start(): void {
    this.#timer = setInterval(() => this.#step((now) => this.#link.tick(now)), TICK);
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

  leave(): void {
    this.#step(() => this.#link.leave());
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#link.close();
    this.#carryOut();
  }

  #step(act: (now: Millis) => void): void {
    act(millis(performance.now()));
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
        return this.#socket?.send(effect.frames);
      case 'disconnect':
        this.#socket?.close();
        this.#socket = undefined;
        return;
      case 'log':
        return this.#log.log(effect.level, effect.event, effect.fields);
      case 'enrolled':
      case 'removed':
      case 'update':
      case 'certificate':
      case 'directory':
      case 'time':
      case 'join-refused':
      case 'left':
        return this.#news(effect);
      default:
        return unreachable(effect);
    }
  }

  #connect(address: string): void {
    this.#socket?.close();
    this.#socket = new LinkSocket(address, {
      frame: (bytes) => this.#step((now) => this.#link.handleFrame(bytes, now)),
      closed: (why) => this.#step((now) => this.#link.handleClosed(why, now)),
    });
  }
}
