import { type Millis, millis } from '../../src/base/brands.ts';
import { formatPath, type PathAddress, parsePath, pathAddress } from '../../src/base/path-address.ts';
import type { NatRule } from '../../src/nat/nat-kind.ts';
import { hostOf } from '../../src/nat/outer-address.ts';

/** A network in memory with made-up time: realms of addresses, joined by NATs of every kind; loss, delay, reordering. */

export interface Packet {
  readonly from: PathAddress;
  readonly to: PathAddress;
  readonly bytes: Uint8Array;
}

interface Device {
  handlePacket(packet: Packet): void;
}

export interface LinkQuality {
  /** milliseconds in one direction, and how much more it may take */
  readonly delay: number;
  readonly jitter: number;
  /** share of packets lost */
  readonly loss: number;
}

export class SimNetwork {
  now: Millis = millis(0);
  quality: LinkQuality;
  /** every packet that left a host, for counting */
  readonly sent: { readonly at: Millis; readonly packet: Packet }[] = [];
  readonly internet: Realm;
  readonly nats: Nat[] = [];
  /** what is dropped on the Internet, whatever its quality */
  blocked: (packet: Packet) => boolean = () => false;
  #seed: number;
  #events: { readonly at: number; readonly order: number; readonly run: () => void }[] = [];
  #order = 0;

  constructor(seed: number, quality: LinkQuality) {
    this.#seed = seed;
    this.quality = quality;
    this.internet = new Realm(this);
  }

  /** Mulberry32: the same numbers at each run. */
  random(): number {
    this.#seed = (this.#seed + 0x6d2b79f5) | 0;
    let t = Math.imul(this.#seed ^ (this.#seed >>> 15), 1 | this.#seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  }

  bytes(length: number): Uint8Array {
    return Uint8Array.from({ length }, () => Math.floor(this.random() * 256));
  }

  at(time: number, run: () => void): void {
    this.#events.push({ at: time, order: this.#order++, run });
  }

  /** Runs until this time, or until the condition holds; false when it never did. */
  run(until: number, done: () => boolean = () => false): boolean {
    for (;;) {
      if (done()) return true;
      let next = 0;
      if (this.#events.length === 0) break;
      for (let i = 1; i < this.#events.length; i++) {
        const [a, b] = [this.#events[i], this.#events[next]];
        if (a.at < b.at || (a.at === b.at && a.order < b.order)) next = i;
      }
      if (this.#events[next].at > until) break;
      const [event] = this.#events.splice(next, 1);
      this.now = millis(Math.max(this.now, event.at));
      event.run();
    }
    this.now = millis(until);
    return done();
  }

  /** Carries a packet over one link of a realm. */
  carry(packet: Packet, to: Device, far: boolean): void {
    const { delay, jitter, loss } = this.quality;
    if (far && (this.random() < loss || this.blocked(packet))) return;
    const took = far ? delay + this.random() * jitter : 1;
    this.at(this.now + took, () => to.handlePacket(packet));
  }
}

/** Addresses that reach each other without a NAT. */
export class Realm {
  readonly network: SimNetwork;
  gateway: Nat | undefined;
  readonly #devices = new Map<string, Device>();

  constructor(network: SimNetwork) {
    this.network = network;
  }

  attach(address: string, device: Device): void {
    this.#devices.set(address, device);
  }

  detach(address: string): void {
    this.#devices.delete(address);
  }

  send(packet: Packet): void {
    const device = this.#devices.get(hostOf(packet.to));
    if (device) this.network.carry(packet, device, this.gateway === undefined);
    else this.gateway?.outbound(packet);
  }
}

export interface NatOptions {
  readonly mapping: NatRule;
  readonly filtering: NatRule;
  readonly hairpin?: boolean;
  /** milliseconds that a mapping lives without an outgoing packet */
  readonly life?: number;
  /** only these hosts are reached, as where UDP is blocked and TLS to a server is not */
  readonly only?: readonly string[];
}

interface Mapping {
  readonly inside: PathAddress;
  readonly port: number;
  readonly opened: Set<string>;
  usedAt: Millis;
}

export class Nat implements Device {
  readonly inside: Realm;
  readonly #outside: Realm;
  readonly #address: string;
  readonly #options: NatOptions;
  readonly #byKey = new Map<string, Mapping>();
  readonly #byPort = new Map<number, Mapping>();
  #nextPort = 20_000;

  constructor(outside: Realm, address: string, options: NatOptions) {
    this.#outside = outside;
    this.#address = address;
    this.#options = options;
    this.inside = new Realm(outside.network);
    this.inside.gateway = this;
    outside.attach(address, this);
    outside.network.nats.push(this);
  }

  outbound({ from, to, bytes }: Packet): void {
    const { only } = this.#options;
    if (only && !only.includes(hostOf(to))) return;
    const mapping = this.#mapping(from, to);
    mapping.usedAt = this.inside.network.now;
    mapping.opened.add(hostOf(to)).add(to);
    const outer = formatPath(4, parsePath(pathAddress(`${this.#address}:1`)).address, mapping.port);
    if (hostOf(to) !== this.#address) this.#outside.send({ from: outer, to, bytes });
    else if (this.#options.hairpin) this.handlePacket({ from: outer, to, bytes });
  }

  handlePacket({ from, to, bytes }: Packet): void {
    const mapping = this.#byPort.get(parsePath(to).port);
    if (!mapping || this.#expired(mapping) || !this.#lets(mapping, from)) return;
    this.inside.send({ from, to: mapping.inside, bytes });
  }

  /** What a restart of the router does. */
  forget(): void {
    this.#byKey.clear();
    this.#byPort.clear();
  }

  #lets({ opened }: Mapping, from: PathAddress): boolean {
    const { filtering } = this.#options;
    if (filtering === 'address') return opened.has(hostOf(from));
    return filtering === 'port' ? opened.has(from) : true;
  }

  #expired({ usedAt }: Mapping): boolean {
    return this.inside.network.now - usedAt > (this.#options.life ?? 120_000);
  }

  #mapping(from: PathAddress, to: PathAddress): Mapping {
    const { mapping: rule } = this.#options;
    const key = rule === 'port' ? `${from} ${to}` : rule === 'address' ? `${from} ${hostOf(to)}` : from;
    const known = this.#byKey.get(key);
    if (known && !this.#expired(known)) return known;
    const port = this.#nextPort++;
    const made = { inside: from, port, opened: new Set<string>(), usedAt: this.inside.network.now };
    this.#byKey.set(key, made);
    this.#byPort.set(port, made);
    return made;
  }
}
