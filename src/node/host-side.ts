import { setTimeout as pause } from 'node:timers/promises';
import type { HealthLine, StatusAnswer } from '../api/status.ts';
import type { Millis } from '../base/brands.ts';
import { configureInterface, type InterfacePlan } from '../tun/interface.ts';
import type { AgentConfig } from './agent-config.ts';
import { Forwarding, type ForwardingParts } from './gateway/forwarding.ts';
import { Names } from './names/names.ts';

/** How long a start waits until names are found, in milliseconds: a resolver that hangs holds nothing up. */
const NAMES_PATIENCE = 2_000;

interface HostParts extends ForwardingParts {
  readonly config: AgentConfig;
  readonly network: () => string;
}

const NO_IPV6: HealthLine = {
  code: 'no-ipv6',
  text:
    'the interface carries no IPv6 here: members reach this node by its IPv4 address alone; ' +
    'set net.ipv6.conf.default.disable_ipv6 to 0 for this machine or container, then start again',
};

/** What a node changes of its machine beside the interface: routes and rules of the kernel, and what its resolver knows. */
export class HostSide {
  readonly #forwarding: Forwarding;
  readonly #names: Names;
  #hasAllAddresses = true;

  constructor(parts: HostParts) {
    const { config, state, log, node } = parts;
    this.#forwarding = new Forwarding(parts);
    this.#names = new Names({
      ...{ isOn: () => config.dns, tun: config.tun, state, log, network: parts.network, pool: parts.overlay },
      members: () => [node.keys.self(), ...node.directory.others()],
      count: (name) => node.counters.add(name),
    });
  }

  /** Before the interface has an address; throws where a node cannot be held back as its mode asks for. */
  async open(): Promise<void> {
    await Promise.all([this.#forwarding.open(), this.#names.restoreLeft()]);
  }

  /** Gives the interface its addresses and routes. */
  async configure(plan: InterfacePlan): Promise<void> {
    this.#hasAllAddresses = await configureInterface(plan);
  }

  /** Keys, rosters or names changed. Never rejects. */
  async follow(): Promise<void> {
    const names = Promise.race([this.#names.follow(), pause(NAMES_PATIENCE, undefined, { ref: false })]);
    await Promise.all([this.#forwarding.follow(), names]);
  }

  followMode(): Promise<void> {
    return this.#forwarding.followMode();
  }

  /** Looks at the machine now, for somebody who asks. */
  look(): Promise<void> {
    return this.#forwarding.look();
  }

  tick(now: number): void {
    this.#forwarding.tick(now);
    this.#names.tick(now);
  }

  health(): readonly HealthLine[] {
    return [...(this.#hasAllAddresses ? [] : [NO_IPV6]), ...this.#forwarding.health(), ...this.#names.health()];
  }

  status(now: Millis): Pick<StatusAnswer, 'gateway' | 'lock' | 'dns'> {
    return { gateway: this.#forwarding.status(now), lock: this.#forwarding.lockStatus(), dns: this.#names.status() };
  }

  lockState(): StatusAnswer['lock']['state'] {
    return this.#forwarding.lockStatus().state;
  }

  /** `isForgotten`: the node has left its network. */
  async close(isForgotten = false): Promise<void> {
    await Promise.all([this.#forwarding.close(isForgotten), this.#names.close()]);
  }
}
