import type { GatewayStatus, HealthLine } from '../../api/status.ts';
import type { Millis } from '../../base/brands.ts';
import type { Logger } from '../../base/log.ts';
import { defaultDevices, usedRanges } from '../../tun/interface.ts';
import { formatPrefix, type Prefix } from '../../tun/prefix.ts';
import type { AgentConfig } from '../agent-config.ts';
import { nftJson, runNft, withoutTable } from '../nft.ts';
import type { NodeState } from '../node-state.ts';
import { prefixOf } from '../route-prefix.ts';
import type { StateDir } from '../state-dir.ts';
import { GATEWAY_COUNTERS, type GatewayPlan, gatewayScript, gatewayTable } from './gateway-rules.ts';
import { type Neighbours, neighbours, obstacleLine } from './obstacles.ts';
import { NO_COUNTS, type PacketCounts, packetCounts } from './packet-counts.ts';
import { type Subnet, servedSubnets } from './subnets.ts';
import { kernelBoard, Switches } from './switches.ts';
import { terminalsSeen } from './terminals.ts';
import { type Service, waysTo } from './way-out.ts';

/** What the gateway is told at the start. */
export interface GatewayParts {
  readonly node: NodeState;
  readonly config: Pick<AgentConfig, 'tun' | 'snat' | 'transit' | 'home'>;
  /** the overlay's own ranges */
  readonly overlay: () => readonly Prefix[];
  readonly state: Pick<StateDir, 'switches' | 'writeSwitches'>;
  readonly log: Logger;
  /** where server, coordinators and relays are now */
  readonly services: () => readonly Service[];
}

/** Tables of the node itself, of which none stands in its way. */
const OWN_TABLE = /^gscip_/;
/** How often the machine's routes, tables and counters are looked at, in milliseconds. */
const LOOK = 10_000;
/** How long a packet that another table stopped is told of, in milliseconds. */
const TOLD = 60_000;
const NOBODY: Neighbours = { obstacles: [], translates: false };

/**
 * A GEN as the router of the networks behind it (docs/guide/gateways.md): the kernel forwards between them and the overlay's
 * interface, which this allows, guards with a table of its own, and takes back at the end. Every node looks here first for
 * what a crash left behind.
 */
export class Gateway {
  readonly #parts: GatewayParts;
  readonly #changed: () => void;
  readonly #switches: Switches;
  #served: readonly Subnet[] | undefined;
  #outside: readonly string[] = [];
  #problems: readonly HealthLine[] = [];
  #neighbours = NOBODY;
  #counts: PacketCounts = NO_COUNTS;
  #blockedAt = Number.NEGATIVE_INFINITY;
  #script = '';
  #lookAt = 0;
  #isOpen = false;
  #turn: Promise<void> = Promise.resolve();

  /** `changed`: it serves other networks than before, or by other interfaces. */
  constructor(parts: GatewayParts, changed: () => void) {
    this.#parts = parts;
    this.#changed = changed;
    const { state } = parts;
    this.#switches = new Switches(kernelBoard, {
      read: () => state.switches(),
      write: (text) => state.writeSwitches(text),
    });
  }

  /** Undoes what a crash left; on a GEN then sets up table and switches, and throws where that is not possible. */
  async open(): Promise<void> {
    const { log, node, state } = this.#parts;
    const left = await this.#switches.restoreLeft();
    if (left > 0) log.log('info', 'gateway-restored', { switches: left });
    if (node.keys.self().type !== 'gen') return this.#forget();
    state.writeSwitches('');
    this.#isOpen = true;
    await this.#follow();
  }

  /** Brings table and switches in line with certificate, rosters and the machine's routes. Never rejects. */
  follow(): Promise<void> {
    this.#turn = this.#turn.then(() => this.#follow()).catch((error: unknown) => this.#failed(error));
    return this.#turn;
  }

  /** With the next tick. */
  lookSoon(): void {
    this.#lookAt = 0;
  }

  tick(now: number): void {
    if (!this.#isOpen || now < this.#lookAt) return;
    this.#lookAt = now + LOOK;
    void this.follow();
  }

  health(): readonly HealthLine[] {
    const { tun } = this.#parts.config;
    const { blocked, through } = this.#counts;
    const isBlocked = performance.now() - this.#blockedAt < TOLD;
    const { obstacles } = this.#neighbours;
    // where packets get through, a chain that looks closed lets ours pass
    const told = isBlocked || through === 0 ? obstacles.map((each) => obstacleLine(each, tun)) : [];
    if (isBlocked && told.length === 0)
      return [
        ...this.#problems,
        {
          code: 'gateway-blocked',
          text: `another program's rules stopped ${blocked} packets that this node forwarded: look for a drop in "nft list ruleset" and "iptables-legacy -S FORWARD", and accept ${tun} there`,
        },
      ];
    return [...this.#problems, ...told];
  }

  /** The networks behind this node; undefined on a node that is no GEN, and until it has looked. */
  get served(): readonly Subnet[] | undefined {
    return this.#isOpen ? this.#served : undefined;
  }

  /** Null on a node that is no GEN. */
  status(now: Millis): GatewayStatus | null {
    if (!this.#isOpen) return null;
    const { node, config } = this.#parts;
    const { passedIn, passedOut, blocked, dropped } = this.#counts;
    return {
      subnets: (this.#served ?? []).map(({ prefix, inside }) => ({ prefix: formatPrefix(prefix), inside })),
      outside: this.#outside,
      snat: config.snat,
      terminals: terminalsSeen(node, now),
      packets: { in: passedIn, out: passedOut, blocked },
      dropped,
    };
  }

  /** Orderly end: the table is gone and the switches are as they were. Never rejects. */
  async close(): Promise<void> {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    await this.#turn;
    try {
      await runNft(withoutTable(gatewayTable(this.#parts.config.tun)));
      await this.#switches.restore();
    } catch (error) {
      this.#failed(error);
    }
  }

  /** A node that was a GEN before, and may have ended by a crash. */
  async #forget(): Promise<void> {
    const { config, state } = this.#parts;
    if (state.switches() === undefined) return;
    await runNft(withoutTable(gatewayTable(config.tun))).catch((error: unknown) => this.#failed(error));
  }

  async #follow(): Promise<void> {
    if (!this.#isOpen) return;
    const { node, overlay } = this.#parts;
    const { tun, snat } = this.#parts.config;
    const used = await usedRanges(tun);
    const ranges = overlay();
    const { keys } = node;
    const { caPart } = keys.identity();
    const groups = keys.groups();
    const { served, health } = servedSubnets({
      certified: caPart.routes.map(prefixOf),
      listed: groups.flatMap(({ roster }) => roster.members.get(caPart.nodeId)?.routes ?? []).map(prefixOf),
      moreRoutes: caPart.moreRoutes,
      overlay: ranges,
      others: keys.members().flatMap(({ name, routes }) => routes.map((route) => ({ name, route: prefixOf(route) }))),
      used,
    });
    await this.#count();
    const ruleset = await nftJson(['ruleset']);
    this.#neighbours = neighbours(ruleset, tun, (table) => OWN_TABLE.test(table));
    const subnets = served.map(({ prefix }) => prefix);
    const services = keys.self().mode === 'cl' ? this.#parts.services() : [];
    await this.#load({ tun, subnets, overlay: ranges, snat, keepSources: this.#neighbours.translates, services });
    const inside = [...new Set(served.flatMap((subnet) => subnet.inside))];
    this.#outside = (await defaultDevices()).filter((device) => device !== tun);
    // what the inside is answered from there comes in by these
    const answering = services.length > 0 ? waysTo(services, used, this.#outside) : [];
    await this.#switches.forward(new Set(subnets.map(({ family }) => family)), [...inside, tun, ...answering]);
    this.#tell(served);
    this.#problems = subnets.length > 0 || health.length > 0 ? health : [NO_SUBNETS];
  }

  /** Only where it differs: a new table begins to count at zero, and loses no packet in between. */
  async #load(plan: GatewayPlan): Promise<void> {
    const script = gatewayScript(plan);
    if (script === this.#script) return;
    await runNft(script);
    this.#script = script;
    this.#counts = { ...this.#counts, base: this.#counts };
  }

  /** What came since the last look goes to the node's counters. */
  async #count(): Promise<void> {
    if (this.#script === '') return;
    const { node, config } = this.#parts;
    const before = this.#counts;
    this.#counts = packetCounts(await nftJson(['counters', 'table', ...gatewayTable(config.tun).split(' ')]), before);
    for (const name of Object.values(GATEWAY_COUNTERS))
      node.counters.add(name, this.#counts.all[name] - before.all[name]);
    if (this.#counts.blocked > before.blocked) {
      node.counters.add('gateway-blocked', this.#counts.blocked - before.blocked);
      this.#blockedAt = performance.now();
    }
  }

  #tell(served: readonly Subnet[]): void {
    const text = (subnets: readonly Subnet[]) =>
      subnets.map(({ prefix, inside }) => `${formatPrefix(prefix)} by ${inside.join(', ') || 'nothing'}`).join('; ');
    const before = this.#served;
    this.#served = served;
    if (before && text(served) === text(before)) return;
    if (text(served) !== '') this.#parts.log.log('info', 'gateway-serves', { subnets: text(served) });
    this.#changed();
  }

  #failed(error: unknown): void {
    const text = error instanceof Error ? error.message : String(error);
    this.#parts.log.log('warn', 'gateway-failed', { text });
    this.#problems = [
      { code: 'gateway-failed', text: `${text}; what was set up before stays as it is, and is tried again` },
    ];
  }
}

const NO_SUBNETS: HealthLine = {
  code: 'gateway-no-subnets',
  text: 'this node is a GEN without a network behind it: give it routes where its network is administered, or make it a GES',
};
