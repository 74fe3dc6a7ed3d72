import type { LockStatus } from '../../api/lock.ts';
import type { GatewayStatus, HealthLine } from '../../api/status.ts';
import type { Millis } from '../../base/brands.ts';
import { Lock } from '../lock/lock.ts';
import type { PlainForwarding } from '../lock/lock-rules.ts';
import { mainTable, RosterRoutes } from '../roster-routes.ts';
import type { StateDir } from '../state-dir.ts';
import { Gateway, type GatewayParts } from './gateway.ts';

/** What all of it is told at the start. */
export interface ForwardingParts extends GatewayParts {
  readonly state: StateDir;
}

/** How often it is looked where the services are, in milliseconds. */
const LOOK = 1_000;

/** What the machine does with packets: routes into the overlay, what it holds back of others, and on a GEN what lies behind it. */
export class Forwarding {
  readonly #routes: RosterRoutes;
  readonly #gateway: Gateway;
  readonly #lock: Lock;
  readonly #parts: ForwardingParts;
  #services = '[]';
  #servicesAt = 0;

  constructor(parts: ForwardingParts) {
    const { node, config, state, log } = parts;
    this.#parts = parts;
    const changed = () => this.followMode();
    const count = (name: string, packets: number) => node.counters.add(name, packets);
    this.#routes = new RosterRoutes(node, mainTable(config.tun), log, { changed, home: () => config.home });
    this.#lock = new Lock(state, config.tun, log, undefined, count);
    this.#gateway = new Gateway(parts, changed);
  }

  /** Before the interface has an address; throws where a closed node cannot be closed, or a GEN not guard what it would forward. */
  async open(): Promise<void> {
    await this.followMode();
    this.#lock.refuseOpen();
    this.#lock.watch();
    await this.#gateway.open();
  }

  /** Keys or rosters changed. Never rejects. */
  follow(): Promise<void> {
    void this.followMode();
    this.#gateway.lookSoon();
    return this.#routes.follow();
  }

  /** The kernel holds back what belongs to the node's mode, at once also where flows are under way (protocol.md 11.6). */
  followMode(): Promise<void> {
    const { mode, type } = this.#parts.node.keys.self();
    const overlay = [...this.#parts.overlay(), ...this.#routes.taken];
    const { ranges: strange, routers } = this.#routes.strange;
    return this.#lock.follow({ mode, type, overlay, between: this.#between(), strange, routers });
  }

  #between(): PlainForwarding | undefined {
    const { served } = this.#gateway;
    return (
      served && {
        own: served.map(({ prefix }) => prefix),
        inside: [...new Set(served.flatMap(({ inside }) => inside))],
        transit: this.#parts.config.transit,
        services: this.#parts.services(),
      }
    );
  }

  /** Looks at the machine now, for somebody who asks. */
  async look(): Promise<void> {
    await Promise.all([this.#gateway.follow(), this.#lock.count()]);
  }

  tick(now: number): void {
    this.#followServices(now);
    this.#routes.tick(now);
    this.#gateway.tick(now);
  }

  /** Server, coordinators and relays are elsewhere now, or known only now: the inside of a closed node is let there. */
  #followServices(now: number): void {
    if (now < this.#servicesAt || this.#parts.node.keys.self().type !== 'gen') return;
    this.#servicesAt = now + LOOK;
    const services = JSON.stringify(this.#parts.services());
    if (services === this.#services) return;
    this.#services = services;
    void this.followMode();
    this.#gateway.lookSoon();
  }

  health(): readonly HealthLine[] {
    return [...this.#routes.health(), ...this.#gateway.health(), ...this.#lock.health()];
  }

  status(now: Millis): GatewayStatus | null {
    return this.#gateway.status(now);
  }

  lockStatus(): LockStatus {
    return this.#lock.status();
  }

  /** `isForgotten`: the node has left its network. */
  async close(isForgotten = false): Promise<void> {
    await this.#routes.close();
    await Promise.all([this.#gateway.close(), isForgotten ? this.#lock.forget() : this.#lock.release()]);
  }
}
