import { networkInterfaces } from 'node:os';
import type { HealthLine } from '../api/status.ts';
import type { Logger } from '../base/log.ts';
import { type PathAddress, parsePath } from '../base/path-address.ts';
import type { AddressPrefix } from '../crypto/address-prefix.ts';
import { changeRosterRoutes, rosterRoutes, usedRanges } from '../tun/interface.ts';
import { formatPrefix, type Prefix, samePrefix } from '../tun/prefix.ts';
import { chooseRoutes, type RefusedRoute, type UsedRange } from '../tun/route-choice.ts';
import type { NodeState } from './node-state.ts';

/** The machine's routes, as far as rosters concern them. */
export interface RouteTable {
  used(): Promise<readonly UsedRange[]>;
  present(): Promise<readonly Prefix[]>;
  change(added: readonly Prefix[], removed: readonly Prefix[]): Promise<void>;
  /** differs when a network was joined or left */
  networks(): string;
}

/** How often the networks of the machine are looked at, in milliseconds. */
const LOOK = 2_000;
/** For so long the routes that others make on the machine may stay unnoticed, in milliseconds. */
const TRUST = 60_000;

/** Keeps the machine's routes at what the rosters give to other members, while the agent runs (protocol.md 8.2). */
export class RosterRoutes {
  readonly #node: NodeState;
  readonly #table: RouteTable;
  readonly #log: Logger;
  readonly #changed: () => void;
  #taken: readonly Prefix[] = [];
  #refused: readonly RefusedRoute[] = [];
  #networks: string;
  #lookAt = 0;
  #doubtAt = 0;
  #running: Promise<void> | undefined;
  #again = false;
  #closed = false;
  /** what the last whole round went by; nothing is looked at again while that stays as it is */
  #settled: string | undefined;

  /** `changed`: `taken` is another list now. */
  constructor(node: NodeState, table: RouteTable, log: Logger, changed: () => void = () => undefined) {
    this.#node = node;
    this.#table = table;
    this.#log = log;
    this.#changed = changed;
    this.#networks = table.networks();
  }

  /** networks of other members that are routed into the overlay */
  get taken(): readonly Prefix[] {
    return this.#taken;
  }

  /**
   * Brings the routes up to date; calls while it is at work are served by one more round. Each key that rolls leads here, mostly with
   * the same offers: then no program is started, which would cost as much as all the rest of a roll. Never rejects.
   */
  follow(): Promise<void> {
    this.#again = true;
    this.#running ??= this.#rounds().finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }

  /** A network that the machine joins meanwhile takes precedence, too. */
  tick(now: number): void {
    if (now < this.#lookAt) return;
    this.#lookAt = now + LOOK;
    if (now >= this.#doubtAt) {
      this.#doubtAt = now + TRUST;
      this.#settled = undefined;
    }
    const networks = this.#table.networks();
    if (networks === this.#networks) return;
    this.#networks = networks;
    void this.follow();
  }

  health(): HealthLine[] {
    return this.#refused.map(({ prefix, why }) => ({
      code: 'route-not-taken',
      text: `${formatPrefix(prefix)} is offered by a node of the network, but not routed into the overlay: ${why}`,
    }));
  }

  /** Nothing is changed any more: the routes go with the device. */
  close(): void {
    this.#closed = true;
  }

  async #rounds(): Promise<void> {
    while (this.#again && !this.#closed) {
      this.#again = false;
      await this.#round();
    }
  }

  async #round(): Promise<void> {
    const offered = this.#node.keys.members().flatMap(({ routes }) => routes.map(prefixOf));
    const own = this.#node.keys.self().routes.map(prefixOf);
    const endpoints = this.#endpoints();
    const seen = JSON.stringify([this.#networks, ...[offered, own, endpoints].map((list) => list.map(formatPrefix))]);
    if (seen === this.#settled) return;
    this.#settled = undefined;
    try {
      const present = await this.#table.present();
      const used = offered.length === 0 ? [] : await this.#table.used();
      const { taken, refused } = chooseRoutes(offered, { used, own, endpoints });
      const added = without(taken, present);
      const removed = without(present, taken);
      this.#taken = taken;
      if (added.length + removed.length > 0) this.#changed();
      await this.#table.change(added, removed);
      const missing = added.length === 0 ? [] : without(taken, await this.#table.present());
      const why = 'the kernel did not take it';
      this.#note([...refused, ...missing.map((prefix) => ({ prefix, why }))]);
      if (missing.length === 0) this.#settled = seen;
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      this.#note(offered.map((prefix) => ({ prefix, why })));
    }
  }

  #note(refused: readonly RefusedRoute[]): void {
    if (this.#closed) return;
    for (const { prefix, why } of refused)
      if (!this.#refused.some((known) => known.why === why && samePrefix(known.prefix, prefix)))
        this.#log.log('warn', 'route-not-taken', { route: formatPrefix(prefix), why });
    this.#refused = refused;
  }

  #endpoints(): Prefix[] {
    const { paths } = this.#node;
    return [...paths.peers()].flatMap(({ peer }) => paths.candidates(peer).map(addressOf));
  }
}

/** The main routing table of this machine, for routes through one device. */
export function mainTable(device: string): RouteTable {
  return {
    used: () => usedRanges(device),
    present: () => rosterRoutes(device),
    change: (added, removed) => changeRosterRoutes(device, added, removed),
    networks: () => JSON.stringify(Object.entries(networkInterfaces()).map(([name, is]) => [name, is?.map(cidrOf)])),
  };
}

/** A prefix as rosters write it, with 4 bytes for IPv4. */
export function prefixOf({ family, address, length }: AddressPrefix): Prefix {
  return { family, address: family === 4 ? address.subarray(12) : address, length };
}

function addressOf(path: PathAddress): Prefix {
  const { family, address } = parsePath(path);
  return { family, address, length: 8 * address.length };
}

function cidrOf({ cidr }: { readonly cidr: string | null }): string | null {
  return cidr;
}

function without(these: readonly Prefix[], those: readonly Prefix[]): Prefix[] {
  return these.filter((prefix) => !those.some((other) => samePrefix(prefix, other)));
}
