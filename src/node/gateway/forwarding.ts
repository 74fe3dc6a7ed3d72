import type { GatewayStatus, HealthLine } from '../../api/status.ts';
import type { Millis } from '../../base/brands.ts';
import { mainTable, RosterRoutes } from '../roster-routes.ts';
import { Gateway, type GatewayParts } from './gateway.ts';

/** What the machine does with packets beside those of its own: routes into the overlay, and on a GEN what lies behind it. */
export class Forwarding {
  readonly #routes: RosterRoutes;
  readonly #gateway: Gateway;

  constructor(parts: GatewayParts) {
    this.#routes = new RosterRoutes(parts.node, mainTable(parts.config.tun), parts.log);
    this.#gateway = new Gateway(parts);
  }

  /** Before the interface has an address; throws where a GEN cannot guard what it would forward. */
  open(): Promise<void> {
    return this.#gateway.open();
  }

  /** Keys or rosters changed. Never rejects. */
  follow(): Promise<void> {
    this.#gateway.lookSoon();
    return this.#routes.follow();
  }

  /** Looks at the machine now, for somebody who asks. */
  look(): Promise<void> {
    return this.#gateway.follow();
  }

  tick(now: number): void {
    this.#routes.tick(now);
    this.#gateway.tick(now);
  }

  health(): readonly HealthLine[] {
    return [...this.#routes.health(), ...this.#gateway.health()];
  }

  status(now: Millis): GatewayStatus | null {
    return this.#gateway.status(now);
  }

  close(): Promise<void> {
    this.#routes.close();
    return this.#gateway.close();
  }
}
