import type { CoordinatorPlace } from '../../api/channel/services.ts';
import { type Millis, millis, type NodeId } from '../../base/brands.ts';
import { toHex } from '../../base/bytes.ts';
import type { PathAddress } from '../../base/path-address.ts';
import type { ACK_STATUS, DirectionReason, Registered, RelayPlace, RouteDirection } from '../../nat/signal-message.ts';
import { CoordinatorLink, type CoordinatorLinkDeps, type LinkEvent, type Via } from './coordinator-link.ts';

type Answer = (typeof ACK_STATUS)[number];

export type CoordinatorEvent =
  | Extract<LinkEvent, { kind: 'counter' }>
  /** `tunnel`: through the tunnel of that name, or by UDP */
  | {
      readonly kind: 'send';
      readonly bytes: Uint8Array;
      readonly to: PathAddress;
      readonly tunnel: string | undefined;
    }
  /** a tunnel to these TCP addresses is wanted, or not any more */
  | { readonly kind: 'tunnel'; readonly id: string; readonly addresses: readonly string[]; readonly wanted: boolean }
  | {
      readonly kind: 'registered';
      readonly registered: Registered;
      readonly tunnel: string | undefined;
      /** the way there is another than before */
      readonly isOtherWay: boolean;
      readonly address: string;
      /** it was not before */
      readonly isFirst: boolean;
      /** it is the one that this node asks how it is seen */
      readonly isMain: boolean;
    }
  /** `unanswered`: whom nobody is left to tell the way to */
  | { readonly kind: 'lost'; readonly address: string; readonly unanswered: readonly NodeId[] }
  | {
      readonly kind: 'direction';
      readonly direction: RouteDirection;
      /** the ACK of an end node */
      readonly answer: (status: Answer) => readonly CoordinatorEvent[];
    }
  | { readonly kind: 'refused'; readonly peer: NodeId; readonly reason: DirectionReason };

/** Whether a coordinator answers; given up: it was asked at every endpoint. */
export interface CoordinatorFacts {
  readonly address: string;
  /** the way by which it answers; undefined: it does not */
  readonly by: Via | undefined;
  readonly isGivenUp: boolean;
}

/** Requests whose answers are waited for. */
const REQUESTS_MAX = 256;

/** All coordinators of the network: this node registers with each, and asks the first that answers (protocol.md 6.6). */
export class Coordinators {
  readonly #deps: CoordinatorLinkDeps;
  #links: CoordinatorLink[] = [];
  /** those that this node is registered with, and by which way */
  readonly #ways = new Map<CoordinatorLink, { readonly via: Via; readonly session: number | undefined }>();
  readonly #requests = new Map<number, NodeId>();
  /** how often each peer was asked for in vain: the next coordinator then */
  readonly #turns = new Map<NodeId, number>();
  #request = 0;

  constructor(deps: CoordinatorLinkDeps) {
    this.#deps = deps;
  }

  get size(): number {
    return this.#links.length;
  }

  get isReady(): boolean {
    return this.#links.some(({ registered }) => registered !== undefined);
  }

  /** Each of them, for `netcheck`. */
  facts(): readonly CoordinatorFacts[] {
    return this.#links.map(({ place, endpoint, registered, via, isGivenUp }) => ({
      address: endpoint ?? place.endpoints[0] ?? '',
      by: registered === undefined ? undefined : via,
      isGivenUp,
    }));
  }

  /** The relays that they name, all together. */
  get relays(): readonly RelayPlace[] {
    return this.#links.flatMap(({ registered }) => registered?.relays ?? []);
  }

  /** Where they are asked how this node is seen. */
  get vantages(): readonly PathAddress[] {
    return this.#links.flatMap(({ registered }) => registered?.vantages ?? []);
  }

  /** Those that are new are greeted, and those that were known as well: this is said after a restart of theirs. */
  set(places: readonly CoordinatorPlace[], now: Millis): void {
    const before = this.#links;
    const each = new Map(places.map((place) => [nameOf(place), place]));
    this.#links = [...each.values()].map((place) => {
      const known = before.find((link) => nameOf(link.place) === nameOf(place));
      known?.greet(now);
      return known ?? new CoordinatorLink(place, this.#deps, now);
    });
    for (const link of before) if (!this.#links.includes(link)) link.wipe();
  }

  greetAll(now: Millis): void {
    for (const link of this.#links) link.greet(now);
  }

  /** Asks each of them whether it is there. */
  doubt(now: Millis): CoordinatorEvent[] {
    return this.#links.flatMap((link) => this.#events(link, link.doubt(now), now));
  }

  cardChanged(now: Millis): void {
    for (const link of this.#links) link.cardChanged(now);
  }

  handleDatagram(bytes: Uint8Array, now: Millis): CoordinatorEvent[] {
    const link = this.#links.find((each) => each.owns(bytes));
    if (!link) return [{ kind: 'counter', name: 'signal-unknown' }];
    return this.#events(link, link.handleDatagram(bytes, now), now);
  }

  /** Where is this peer? Nothing while no coordinator is there; those are greeted sooner then. */
  askDirection(peer: NodeId, now: Millis): CoordinatorEvent[] {
    const ready = this.#links.filter(({ registered }) => registered !== undefined).sort(byWay);
    const answering = ready.filter(({ isInDoubt }) => !isInDoubt);
    const asked = answering.length > 0 ? answering : ready;
    const turn = this.#turns.get(peer) ?? 0;
    const link = asked[turn % Math.max(1, asked.length)];
    if (!link) {
      for (const each of this.#links) each.hurry(now);
      return [];
    }
    const request = ++this.#request;
    this.#requests.set(request, peer);
    const [oldest] = this.#requests.keys();
    if (this.#requests.size > REQUESTS_MAX && oldest !== undefined) this.#requests.delete(oldest);
    this.#turns.set(peer, turn + 1);
    const said = link.say({ type: 'direction-request', request, target: { kind: 'node', node: peer } }, now);
    return said ? this.#events(link, [said], now) : [];
  }

  nextDeadline(): Millis {
    return millis(this.#links.reduce((least, link) => Math.min(least, link.nextDeadline()), Number.POSITIVE_INFINITY));
  }

  tick(now: Millis): CoordinatorEvent[] {
    return this.#links.flatMap((link) => this.#events(link, link.tick(now), now));
  }

  /** The tunnel of this name is up, or up again. */
  handleTunnelUp(id: string, now: Millis): CoordinatorEvent[] {
    const link = this.#links.find((each) => each.id === id);
    link?.handleTunnelUp(now);
    return link ? this.#events(link, link.tick(now), now) : [];
  }

  leave(now: Millis): CoordinatorEvent[] {
    return this.#links.flatMap((link) => {
      const said = link.leave();
      link.wipe();
      return said ? this.#events(link, [said], now) : [];
    });
  }

  #events(link: CoordinatorLink, events: readonly LinkEvent[], now: Millis): CoordinatorEvent[] {
    return events.flatMap((event): CoordinatorEvent | CoordinatorEvent[] => {
      switch (event.kind) {
        case 'send': {
          const { kind, bytes, to, via } = event;
          return { kind, bytes, to, tunnel: via === 'tunnel' ? link.id : undefined };
        }
        case 'tunnel':
          return { kind: 'tunnel', id: link.id, addresses: link.place.tunnels, wanted: event.wanted };
        case 'registered':
          return this.#registered(link, event);
        case 'lost':
          this.#ways.delete(link);
          return { kind: 'lost', address: link.place.endpoints[0] ?? '', unanswered: this.#unanswered() };
        case 'message':
          return this.#message(link, event.message, now);
        default:
          return event;
      }
    });
  }

  #unanswered(): readonly NodeId[] {
    return this.isReady ? [] : [...new Set(this.#requests.values())];
  }

  #registered(
    link: CoordinatorLink,
    { registered, via }: Extract<LinkEvent, { kind: 'registered' }>,
  ): CoordinatorEvent {
    const known = this.#ways.get(link);
    // it may have been restarted, or have another address now, and its relays with it
    const before = known?.via === via && known.session !== link.session ? undefined : known;
    this.#ways.set(link, { via, session: link.session });
    const isMain = this.#links.find((each) => each.registered !== undefined) === link;
    const tunnel = via === 'tunnel' ? link.id : undefined;
    const news = { isFirst: before === undefined, isOtherWay: before?.via !== via, isMain, tunnel };
    return { kind: 'registered', registered, address: link.endpoint ?? '', ...news };
  }

  #message(
    link: CoordinatorLink,
    message: Extract<LinkEvent, { kind: 'message' }>['message'],
    now: Millis,
  ): CoordinatorEvent {
    if (message.type === 'direction-refused') {
      const peer = this.#requests.get(message.request);
      this.#requests.delete(message.request);
      if (peer === undefined) return { kind: 'counter', name: 'direction-unasked' };
      return { kind: 'refused', peer, reason: message.reason };
    }
    if (message.type !== 'route-direction') return { kind: 'counter', name: 'signal-unasked' };
    const { pathId, role, request, peer } = message;
    if (role === 'asker') {
      // told twice: what the coordinator knows, and what the peer answers
      if (this.#requests.get(request) !== peer) return { kind: 'counter', name: 'direction-unasked' };
      this.#turns.delete(peer);
    }
    const answer = (status: Answer) => {
      const { nat } = this.#deps.card();
      // without candidates the registered ones hold
      const said = link.say({ type: 'ack', pathId: pathId.slice(), status, nat, candidates: [] }, now);
      return said ? this.#events(link, [said], now) : [];
    };
    return { kind: 'direction', direction: message, answer };
  }
}

/** Those that UDP reaches first. */
function byWay(a: CoordinatorLink, b: CoordinatorLink): number {
  return Number(a.via === 'tunnel') - Number(b.via === 'tunnel');
}

function nameOf({ key, endpoints }: CoordinatorPlace): string {
  return `${toHex(key)} ${endpoints.join(' ')}`;
}
