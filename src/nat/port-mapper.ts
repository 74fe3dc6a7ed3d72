import { type Millis, millis } from '../base/brands.ts';
import { compareBytes, isZero } from '../base/bytes.ts';
import { type AddressBytes, formatAddress, parseAddress } from '../base/ip-address.ts';
import { formatPath, type PathAddress } from '../base/path-address.ts';
import { unreachable } from '../base/unreachable.ts';
import {
  decodeRouterAnswer,
  encodeNatPmpAddress,
  encodeNatPmpMap,
  encodePcpMap,
  MAPPING_PORT,
  PCP_RESULT,
  type RouterAnswer,
} from './mapping-message.ts';
import { isPrivate } from './outer-address.ts';
import { RouterEpoch } from './router-epoch.ts';
import {
  MAPPING_AGAIN_MS,
  MAPPING_LOST_MS,
  MAPPING_REPEAT_MS,
  MAPPING_SECONDS,
  MAPPING_SECONDS_MIN,
  MAPPING_TRIES,
} from './tuning.ts';
import { UpnpMapper } from './upnp-mapper.ts';
import type { SoapRequest } from './upnp-message.ts';

export type MappingProtocol = 'pcp' | 'nat-pmp' | 'upnp';

export type MapperEffect =
  /** a datagram to the router's mapping port */
  | { readonly kind: 'send'; readonly bytes: Uint8Array; readonly to: PathAddress }
  /** SSDP by multicast on the link of the router, hop limit 2; answers go to `handleSsdp` */
  | { readonly kind: 'search'; readonly text: string }
  /** an HTTP request to the router, body at most 64 KiB, 3 s; the answer goes to `handleHttp` with the same id */
  | { readonly kind: 'http'; readonly id: number; readonly method: 'GET' | 'POST'; readonly request: SoapRequest }
  | { readonly kind: 'mapped'; readonly external: PathAddress; readonly by: MappingProtocol; readonly seconds: number }
  | { readonly kind: 'unmapped'; readonly cause: string }
  | { readonly kind: 'counter'; readonly name: string };

/** Where this node stands behind its router. */
export interface MapperPlace {
  readonly router: AddressBytes;
  /** this node's address towards the router, of the same family */
  readonly client: AddressBytes;
  readonly port: number;
}

const ANNOUNCED_AFTER_MS = 1_000;

type Stage = 'pcp' | 'nat-pmp' | 'upnp' | 'mapped' | 'resting';

/**
 * Keeps one UDP port of this node mapped at its router: asks by PCP, then NAT-PMP, then UPnP, keeps to what answered, renews
 * at half of the lifetime, and at once when the router started again.
 *
 *   pcp ──unsupported, silent──► nat-pmp ──unsupported, silent──► upnp ──none──► resting ──15 min──► pcp
 *    └──granted──► mapped ◄──granted──┘ ◄──────────granted─────────┘
 *                    └──half of the lifetime, or another epoch──► the protocol that granted it
 */
export class PortMapper {
  readonly #place: MapperPlace;
  readonly #router: PathAddress;
  readonly #nonce: Uint8Array;
  readonly #epoch = new RouterEpoch();
  readonly #upnp: UpnpMapper;
  #stage: Stage = 'pcp';
  #by: MappingProtocol = 'pcp';
  #tries = 0;
  #nextAt: Millis;
  #external: { address: AddressBytes | undefined; port: number } = { address: undefined, port: 0 };
  #mapped: PathAddress | undefined;
  #until = 0;
  #grantedAt = 0;

  constructor(place: MapperPlace, random: (length: number) => Uint8Array, now: Millis) {
    this.#place = place;
    this.#router = formatPath(place.router.length === 4 ? 4 : 6, place.router, MAPPING_PORT);
    this.#nonce = random(12);
    this.#upnp = new UpnpMapper(formatAddress(place.router), formatAddress(place.client), place.port);
    this.#nextAt = now;
  }

  /** The mapping that stands, as a candidate for others. */
  get mapped(): PathAddress | undefined {
    return this.#mapped;
  }

  nextDeadline(): Millis {
    return this.#nextAt;
  }

  tick(now: Millis): MapperEffect[] {
    if (now < this.#nextAt) return [];
    const lapsed = this.#mapped !== undefined && now >= this.#until ? this.#unmap('lapsed') : [];
    if (this.#stage === 'mapped' || this.#stage === 'resting') this.#begin(this.#stage === 'mapped' ? this.#by : 'pcp');
    if (this.#tries >= MAPPING_TRIES) return [...lapsed, ...this.#silent(now)];
    return [...lapsed, ...this.#ask(now)];
  }

  /** A datagram from port 5351, or one that a router sent to the group of its announcements. */
  handleDatagram(bytes: Uint8Array, from: PathAddress, now: Millis): MapperEffect[] {
    if (from !== this.#router) return [{ kind: 'counter', name: 'mapping-stranger' }];
    const answer = decodeRouterAnswer(bytes);
    if (typeof answer === 'string') return [{ kind: 'counter', name: `mapping-${answer}` }];
    const restarted = 'epoch' in answer && this.#epoch.handleEpoch(answer.epoch, now);
    const isNews = restarted || this.#isAnnouncement(answer, now);
    if (isNews && this.#mapped !== undefined) {
      this.#begin(this.#by);
      this.#nextAt = now;
      if (answer.kind !== 'pcp-map' && answer.kind !== 'natpmp-map') return this.tick(now);
    }
    return this.#answered(answer, now);
  }

  /** The router said that nobody listens at its mapping port: neither PCP nor NAT-PMP is to be had there. */
  handleClosedPort(now: Millis): MapperEffect[] {
    if (this.#stage !== 'pcp' && this.#stage !== 'nat-pmp') return [];
    this.#begin('upnp');
    this.#nextAt = now;
    return this.tick(now);
  }

  /** An answer to `search`; `source` is the address that it came from. */
  handleSsdp(text: string, source: string, now: Millis): MapperEffect[] {
    return this.#stage === 'upnp' ? this.#fromUpnp(this.#upnp.handleSsdp(text, source), now) : [];
  }

  /** The answer to the request of this id; status 0 when there was none. */
  handleHttp(id: number, status: number, body: string, now: Millis): MapperEffect[] {
    return this.#stage === 'upnp' ? this.#fromUpnp(this.#upnp.handleHttp(id, status, body), now) : [];
  }

  /** Gives the mapping back, at an orderly end. */
  release(): MapperEffect[] {
    if (this.#mapped === undefined) return [];
    const effects = this.#by === 'upnp' ? this.#upnp.release() : [this.#request(this.#by, 0)];
    return [...effects, ...this.#unmap('released')];
  }

  /**
   * A router says by itself only that it started again. Its epoch does not show that when it had started a moment before
   * its last answer. What comes within a second of a grant may still belong to the question.
   */
  #isAnnouncement(answer: RouterAnswer, now: Millis): boolean {
    const isOne = (answer.kind === 'pcp-other' || answer.kind === 'natpmp-address') && answer.result === 0;
    return isOne && this.#stage === 'mapped' && now - this.#grantedAt >= ANNOUNCED_AFTER_MS;
  }

  #begin(by: MappingProtocol): void {
    this.#stage = by;
    this.#tries = 0;
  }

  #ask(now: Millis): MapperEffect[] {
    const { repeat, effects } = this.#question();
    this.#nextAt = millis(now + repeat * 2 ** this.#tries);
    this.#tries++;
    return effects;
  }

  #question(): { readonly repeat: number; readonly effects: MapperEffect[] } {
    switch (this.#stage) {
      case 'pcp':
        return { repeat: MAPPING_REPEAT_MS, effects: [this.#request('pcp', MAPPING_SECONDS)] };
      case 'nat-pmp': {
        const address: MapperEffect = { kind: 'send', bytes: encodeNatPmpAddress(), to: this.#router };
        return { repeat: MAPPING_REPEAT_MS, effects: [address, this.#request('nat-pmp', MAPPING_SECONDS)] };
      }
      case 'upnp':
        return { repeat: 4 * MAPPING_REPEAT_MS, effects: this.#upnp.ask(MAPPING_SECONDS) };
      case 'mapped':
      case 'resting':
        return { repeat: MAPPING_AGAIN_MS, effects: [] };
      default:
        return unreachable(this.#stage);
    }
  }

  #request(by: 'pcp' | 'nat-pmp', lifetime: number): MapperEffect {
    const { client, port } = this.#place;
    const { address, port: externalPort } = this.#external;
    const map = { client, nonce: this.#nonce, internalPort: port, externalPort, externalAddress: address, lifetime };
    const bytes = by === 'pcp' ? encodePcpMap(map) : encodeNatPmpMap(port, externalPort || port, lifetime);
    return { kind: 'send', bytes, to: this.#router };
  }

  #answered(answer: RouterAnswer, now: Millis): MapperEffect[] {
    switch (answer.kind) {
      case 'pcp-map': {
        const ours = compareBytes(answer.nonce, this.#nonce) === 0 && answer.internalPort === this.#place.port;
        if (this.#stage !== 'pcp' || !ours) return [{ kind: 'counter', name: 'mapping-unasked' }];
        if (answer.result !== PCP_RESULT.success) return this.#refused(now);
        return this.#granted('pcp', answer.externalAddress, answer.externalPort, answer.lifetime, now);
      }
      case 'natpmp-map': {
        const ours = answer.internalPort === this.#place.port;
        if (this.#stage !== 'nat-pmp' || !ours) return [{ kind: 'counter', name: 'mapping-unasked' }];
        if (answer.result !== 0) return this.#refused(now);
        const { address } = this.#external;
        // without the address the port says nothing: the repeat asks for both
        if (!address) return [];
        return this.#granted('nat-pmp', address, answer.externalPort, answer.lifetime, now);
      }
      case 'natpmp-address':
        if (answer.result === 0) this.#external = { ...this.#external, address: answer.address };
        return [];
      case 'pcp-other':
      case 'natpmp-other':
        return answer.result !== 0 && (this.#stage === 'pcp' || this.#stage === 'nat-pmp') ? this.#refused(now) : [];
      default:
        return unreachable(answer);
    }
  }

  #fromUpnp(effects: readonly (MapperEffect | UpnpGrant)[], now: Millis): MapperEffect[] {
    return effects.flatMap((effect) => {
      if (effect.kind !== 'granted') return [effect];
      const address = parseAddress(effect.address);
      return address ? this.#granted('upnp', address, effect.port, effect.seconds, now) : this.#refused(now);
    });
  }

  /** A mapping to an address that is itself behind a NAT helps nobody outside it, and a lifetime is taken within bounds. */
  #granted(by: MappingProtocol, address: AddressBytes, port: number, seconds: number, now: Millis): MapperEffect[] {
    if (port === 0 || seconds === 0 || isZero(address)) return this.#refused(now);
    if (isPrivate(address))
      return [{ kind: 'counter', name: 'mapping-private' }, ...this.#rest('behind-another-nat', now)];
    const life = Math.max(MAPPING_SECONDS_MIN, Math.min(MAPPING_SECONDS, seconds));
    this.#external = { address, port };
    this.#stage = 'mapped';
    this.#by = by;
    this.#until = now + life * 1_000;
    this.#grantedAt = now;
    this.#nextAt = millis(now + (life * 1_000) / 2);
    const external = formatPath(address.length === 4 ? 4 : 6, address, port);
    if (external === this.#mapped) return [];
    this.#mapped = external;
    return [{ kind: 'mapped', external, by, seconds: life }];
  }

  /** This protocol gives nothing: the next one. */
  #refused(now: Millis): MapperEffect[] {
    if (this.#stage === 'pcp') this.#begin('nat-pmp');
    else if (this.#stage === 'nat-pmp') this.#begin('upnp');
    else return this.#rest('refused', now);
    this.#nextAt = now;
    return this.tick(now);
  }

  #silent(now: Millis): MapperEffect[] {
    // a renewal that nobody answers is tried anew from the first protocol, while the mapping still stands
    return this.#stage === 'upnp' ? this.#rest('silent', now) : this.#refused(now);
  }

  #rest(cause: string, now: Millis): MapperEffect[] {
    this.#stage = 'resting';
    // a router that gave a mapping before is likely to come back
    this.#nextAt = millis(now + (this.#mapped === undefined ? MAPPING_AGAIN_MS : MAPPING_LOST_MS));
    return this.#unmap(cause);
  }

  #unmap(cause: string): MapperEffect[] {
    if (this.#mapped === undefined) return [];
    this.#mapped = undefined;
    return [{ kind: 'unmapped', cause }];
  }
}

/** What UPnP gave; seconds 0 would mean for ever. */
export interface UpnpGrant {
  readonly kind: 'granted';
  readonly address: string;
  readonly port: number;
  readonly seconds: number;
}
