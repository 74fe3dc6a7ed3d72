import type { Millis } from '../../base/brands.ts';
import { toHex } from '../../base/bytes.ts';
import type { PathAddress } from '../../base/path-address.ts';
import type { Dde } from '../../dprp/dde.ts';
import type { DdeBox } from '../../dprp/dde-box.ts';
import { openNogroup } from '../../dprp/hint-seal.ts';
import type { DomainVersion } from '../../dprp/negotiation-deps.ts';
import { decodeNogroup } from '../../dprp/nogroup.ts';
import { mayTerminate } from '../../dprp/terminate.ts';
import { type Below, isClosedOver } from './element-desk.ts';
import type { ElementMeans } from './element-means.ts';
import { ELEMENT } from './tuning.ts';

/** A DDE that this GEN opened. */
export interface OpenedDde {
  readonly dde: Dde;
  readonly box: DdeBox;
  readonly domain: DomainVersion;
}

interface Asked {
  readonly opened: OpenedDde;
  /** as it came from outside, to be answered here */
  readonly bytes: Uint8Array;
  readonly below: Below;
  readonly at: Millis;
}

/**
 * Whose turn it is to answer for a terminal that several GENs are over (protocol.md 8.3): first the innermost one. Only
 * when that says that it shares no group with the other end, and is open, is it the turn of the next one outside, which is
 * this node; its silence, which anybody can bring about, changes nothing.
 *
 *   DDE ──► asked ──► GEN below ── RGI ──► passes on, relayed here
 *                               └─ NOGROUP ──► this node answers as R; who asked again within 20 s is answered at once
 */
export class Turns {
  readonly #means: ElementMeans;
  /** by the way and index of the start GE */
  readonly #asked = new Map<string, Asked>();
  /** GENs that had no group for this source address, since then */
  readonly #refused = new Map<string, Millis>();

  constructor(means: ElementMeans) {
    this.#means = means;
  }

  /** False when it is this node's turn already. */
  isBelow(opened: OpenedDde, below: Below, now: Millis): boolean {
    const since = this.#refused.get(refusalName(opened, below));
    return since === undefined || now - since >= ELEMENT.flightMs;
  }

  /** The GEN below is asked; the DDE is kept for the case that it has no group. */
  ask(opened: OpenedDde, bytes: Uint8Array, below: Below, outer: PathAddress, now: Millis): void {
    const name = askedName(outer, opened.dde.header.sender);
    this.#asked.delete(name);
    this.#asked.set(name, { opened, bytes: bytes.slice(), below, at: now });
    dropOldest(this.#asked);
  }

  /** The DDE that this node answers itself, because a NOGROUP of the GEN that was asked came. */
  refused(bytes: Uint8Array, below: Below, outer: PathAddress, now: Millis): Uint8Array | undefined {
    const message = decodeNogroup(bytes);
    if (typeof message === 'string') return undefined;
    const name = askedName(outer, message.header.receiver);
    const asked = this.#asked.get(name);
    if (asked?.below !== below || now - asked.at >= ELEMENT.flightMs) return undefined;
    const { node, provider } = this.#means;
    const { dde, box, domain } = asked.opened;
    if (typeof openNogroup(provider, bytes, message, domain.kDde, dde.ephemeral) === 'string') return undefined;
    if (!mayTerminate(node.keys.identity().caPart, node.keys.groups(), box.cid)) return undefined; // C3
    if (isClosedOver(below, box.cid.destination)) return undefined; // protocol.md 20.2, rule 3
    this.#asked.delete(name);
    this.#refused.delete(refusalName(asked.opened, below));
    this.#refused.set(refusalName(asked.opened, below), now);
    dropOldest(this.#refused);
    return asked.bytes;
  }

  tick(now: Millis): void {
    for (const [name, { at }] of this.#asked)
      if (now - at >= ELEMENT.flightMs) this.#asked.delete(name);
      else break;
    for (const [name, at] of this.#refused)
      if (now - at >= ELEMENT.flightMs) this.#refused.delete(name);
      else break;
  }
}

function askedName(outer: PathAddress, index: number): string {
  return `${outer} ${index}`;
}

function refusalName({ box }: OpenedDde, { caPart }: Below): string {
  return `${toHex(box.cid.source)} ${caPart.nodeId}`;
}

function dropOldest(map: Map<string, unknown>): void {
  for (const oldest of map.keys()) {
    if (map.size <= ELEMENT.flights) return;
    map.delete(oldest);
  }
}
