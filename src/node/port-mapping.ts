import type { Millis } from '../base/brands.ts';
import { compareBytes } from '../base/bytes.ts';
import type { Logger } from '../base/log.ts';
import type { PathAddress } from '../base/path-address.ts';
import { unreachable } from '../base/unreachable.ts';
import { type MapperEffect, type MapperPlace, type MappingProtocol, PortMapper } from '../nat/port-mapper.ts';
import { now } from './clocks.ts';
import { askRouter, RouterSockets } from './router-sockets.ts';

export interface MappingOptions {
  readonly random: (length: number) => Uint8Array;
  readonly log: Logger;
  /** what others may reach this node at from now on; undefined: nothing */
  readonly changed: (external: PathAddress | undefined) => void;
  readonly count: (name: string) => void;
}

/** The mapping that stands, for `status`. */
export interface MappingFacts {
  readonly external: PathAddress;
  readonly by: MappingProtocol;
}

/** How long an orderly end waits for the router to take its mapping back. */
const RELEASE_MS = 300;

/** Keeps the node's UDP port mapped at the router of the network that it is in: `PortMapper` with real sockets. */
export class PortMapping {
  readonly #options: MappingOptions;
  #place: MapperPlace | undefined;
  #running: Running | undefined;
  #facts: MappingFacts | undefined;

  constructor(options: MappingOptions) {
    this.#options = options;
  }

  get facts(): MappingFacts | undefined {
    return this.#facts;
  }

  /** Where this node is now; undefined: there is no router. In the same place the mapping stays. */
  setPlace(place: MapperPlace | undefined): void {
    if (samePlace(place, this.#place)) return;
    this.#place = place;
    this.#running?.close();
    // the router of a network that was left cannot be asked to forget
    this.#unmapped('another-network');
    this.#running = place && new Running(place, this.#options, (effect) => this.#told(effect));
  }

  /** Gives the mapping back. */
  async stop(): Promise<void> {
    await this.#running?.release();
    this.#running?.close();
    this.#running = undefined;
    this.#facts = undefined;
  }

  #told(effect: Extract<MapperEffect, { kind: 'mapped' | 'unmapped' }>): void {
    if (effect.kind === 'unmapped') return this.#unmapped(effect.cause);
    const { external, by, seconds } = effect;
    this.#facts = { external, by };
    this.#options.log.log('info', 'port-mapped', { external, by, seconds });
    this.#options.changed(external);
  }

  #unmapped(cause: string): void {
    if (this.#facts === undefined) return;
    this.#facts = undefined;
    this.#options.log.log('info', 'port-unmapped', { cause });
    this.#options.changed(undefined);
  }
}

/** One mapper with its sockets and its timer, for as long as the node stays in one place. */
class Running {
  readonly #mapper: PortMapper;
  readonly #sockets: RouterSockets;
  readonly #client: MapperPlace['client'];
  readonly #options: MappingOptions;
  readonly #told: (effect: Extract<MapperEffect, { kind: 'mapped' | 'unmapped' }>) => void;
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(
    place: MapperPlace,
    options: MappingOptions,
    told: (effect: Extract<MapperEffect, { kind: 'mapped' | 'unmapped' }>) => void,
  ) {
    this.#options = options;
    this.#client = place.client;
    this.#told = told;
    this.#mapper = new PortMapper(place, options.random, now());
    this.#sockets = new RouterSockets(place, {
      answer: (bytes, from) => this.#step((at) => this.#mapper.handleDatagram(bytes, from, at)),
      closed: () => this.#step((at) => this.#mapper.handleClosedPort(at)),
      ssdp: (text, source) => this.#step((at) => this.#mapper.handleSsdp(text, source, at)),
    });
    this.#step((at) => this.#mapper.tick(at));
  }

  async release(): Promise<void> {
    const asked = this.#carry(this.#mapper.release().filter(({ kind }) => kind === 'send' || kind === 'http'));
    const { promise, resolve } = Promise.withResolvers<void>();
    const bound = setTimeout(resolve, RELEASE_MS);
    await Promise.race([Promise.all(asked), promise]);
    clearTimeout(bound);
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#sockets.close();
  }

  #step(step: (at: Millis) => readonly MapperEffect[]): void {
    if (this.#closed) return;
    this.#carry(step(now()));
    clearTimeout(this.#timer);
    const wait = Math.max(0, this.#mapper.nextDeadline() - now());
    if (!this.#closed) this.#timer = setTimeout(() => this.#step((at) => this.#mapper.tick(at)), wait).unref();
  }

  #carry(effects: readonly MapperEffect[]): Promise<void>[] {
    return effects.flatMap((effect) => {
      switch (effect.kind) {
        case 'send':
          return [this.#sockets.send(effect.bytes)];
        case 'search':
          this.#sockets.search(effect.text);
          return [];
        case 'http':
          return [this.#ask(effect)];
        case 'mapped':
        case 'unmapped':
          this.#told(effect);
          return [];
        case 'counter':
          this.#options.count(effect.name);
          return [];
        default:
          return unreachable(effect);
      }
    });
  }

  async #ask({ id, method, request }: Extract<MapperEffect, { kind: 'http' }>): Promise<void> {
    const { status, body } = await askRouter(method, request, this.#client);
    this.#step((at) => this.#mapper.handleHttp(id, status, body, at));
  }
}

function samePlace(a: MapperPlace | undefined, b: MapperPlace | undefined): boolean {
  if (!a || !b) return a === b;
  const sameAddresses = compareBytes(a.router, b.router) === 0 && compareBytes(a.client, b.client) === 0;
  return sameAddresses && a.port === b.port;
}
