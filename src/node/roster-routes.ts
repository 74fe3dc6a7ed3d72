import { networkInterfaces } from 'node:os';
import type { HealthLine } from '../api/status.ts';
import type { Logger } from '../base/log.ts';
import { type PathAddress, parsePath } from '../base/path-address.ts';
import { setAnswerRoutes } from '../tun/answer-routes.ts';
import { changeRosterRoutes, linkRouters, rosterRoutes, usedRanges } from '../tun/interface.ts';
import { formatPrefix, type Prefix, samePrefix } from '../tun/prefix.ts';
import { chooseRoutes, type HomeNetwork, type RefusedRoute, type UsedRange } from '../tun/route-choice.ts';
import type { ProvedRouter } from './home.ts';
import type { NodeState } from './node-state.ts';
import { prefixOf } from './route-prefix.ts';

/** The machine's routes, as far as rosters concern them. */
export interface RouteTable {
  used(): Promise<readonly UsedRange[]>;
  present(): Promise<readonly Prefix[]>;
  change(added: readonly Prefix[], removed: readonly Prefix[]): Promise<void>;
  /** connected networks that the node's overlay addresses, given as text, answer through the overlay */
  answer(addresses: readonly string[], ranges: readonly Prefix[]): Promise<void>;
  /** the addresses of the routers on this machine's own links */
  routers(): Promise<readonly Prefix[]>;
  /** differs when a network was joined or left */
  networks(): string;
}

/** How often the networks of the machine are looked at, in milliseconds. */
const LOOK = 2_000;
/** For so long the routes that others make on the machine may stay unnoticed, in milliseconds. */
const TRUST = 60_000;

/** Networks with a member's addresses that are connected and not proved to be the member's, or hold a peer; and who passes packets on. */
export interface StrangeLans {
  readonly ranges: readonly Prefix[];
  readonly routers: readonly Prefix[];
}

const NO_STRANGERS: StrangeLans = { ranges: [], routers: [] };

/** Keeps the machine's routes at what the rosters give to other members, while the agent runs (protocol.md 8.2). */
export class RosterRoutes {
  readonly #node: NodeState;
  readonly #table: RouteTable;
  readonly #log: Logger;
  readonly #changed: () => Promise<void>;
  /** what the machine's administrator says to be at home */
  readonly #home: () => readonly Prefix[];
  #taken: readonly Prefix[] = [];
  #refused: readonly RefusedRoute[] = [];
  #strange = NO_STRANGERS;
  #answered = '';
  #networks: string;
  #router: ProvedRouter | undefined;
  #lookAt = 0;
  #doubtAt = 0;
  #running: Promise<void> | undefined;
  #again = false;
  #closed = false;
  /** what the last whole round went by; nothing is looked at again while that stays as it is */
  #settled: string | undefined;

  /** `changed`: `taken` or `strange` is another list now; routes change when what it began is done. */
  constructor(
    node: NodeState,
    table: RouteTable,
    log: Logger,
    {
      changed = () => Promise.resolve(),
      home = () => [],
    }: { changed?: () => Promise<void>; home?: () => readonly Prefix[] } = {},
  ) {
    this.#node = node;
    this.#table = table;
    this.#log = log;
    this.#changed = changed;
    this.#home = home;
    this.#networks = table.networks();
  }

  /** networks of other members that are routed into the overlay */
  get taken(): readonly Prefix[] {
    return this.#taken;
  }

  /** where nothing of a member's may go in clear although it is not routed into the overlay */
  get strange(): StrangeLans {
    return this.#strange;
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

  /** A network that the machine joins meanwhile takes precedence, too; and a router may have proved itself. */
  tick(now: number): void {
    if (now >= this.#doubtAt) {
      this.#doubtAt = now + TRUST;
      this.#settled = undefined;
    }
    const isProof = this.#router !== this.#node.home.router;
    if (now >= this.#lookAt && this.#isElsewhere(now)) this.#node.home.doubt();
    else if (!isProof) return;
    this.#router = this.#node.home.router;
    void this.follow();
  }

  #isElsewhere(now: number): boolean {
    this.#lookAt = now + LOOK;
    const before = this.#networks;
    this.#networks = this.#table.networks();
    return this.#networks !== before;
  }

  /** At home there is nothing to tell of. */
  health(): HealthLine[] {
    return this.#refused.filter(({ lan }) => lan !== 'home').map((route) => this.#line(route));
  }

  #line({ prefix, why, lan }: RefusedRoute): HealthLine {
    const text = formatPrefix(prefix);
    if (lan === undefined)
      return {
        code: 'route-not-taken',
        text: `${text} is offered by a node of the network, but not routed into the overlay: ${why}`,
      };
    const names = this.#node.keys.members().filter(({ routes }) => routes.map(prefixOf).some(isSame(prefix)));
    const whose = names.map(({ name }) => name).join(', ');
    return {
      code: 'lan-not-proved',
      text: `${text} is behind ${whose}, and ${why}, where no router has proved to be that node: this is a strange network with the same addresses, so nothing goes to them in clear but to its routers; at home behind another router: gscip up --home ${text}`,
    };
  }

  /** Nothing is changed any more: the routes go with the device. Never rejects. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#running;
    await this.#answer([]).catch(() => undefined);
  }

  async #rounds(): Promise<void> {
    while (this.#again && !this.#closed) {
      this.#again = false;
      await this.#round();
    }
  }

  async #round(): Promise<void> {
    this.#node.claims.look(this.#node);
    const offered = this.#node.keys.members().flatMap(({ routes }) => routes.map(prefixOf));
    const own = this.#node.keys.self().routes.map(prefixOf);
    const endpoints = this.#endpoints();
    const home = this.#homes();
    const at = home.map(({ routes, router }) => [...routes, ...(router ? [router] : [])]);
    const lists = [offered, own, endpoints, ...at].map((list) => list.map(formatPrefix));
    const seen = JSON.stringify([this.#networks, ...lists]);
    if (seen === this.#settled) return;
    this.#settled = undefined;
    try {
      const present = await this.#table.present();
      const used = offered.length === 0 ? [] : await this.#table.used();
      const { taken, refused } = chooseRoutes(offered, { used, own, endpoints, home });
      const added = without(taken, present);
      const removed = without(present, taken);
      const strange = await this.#strangeLans(refused);
      this.#node.home.setRefused(refused);
      const isOther = JSON.stringify(strange) !== JSON.stringify(this.#strange);
      [this.#taken, this.#strange] = [taken, strange];
      if (isOther || added.length + removed.length > 0) await this.#changed();
      await this.#table.change(added, removed);
      await this.#answer(refused);
      const missing = added.length === 0 ? [] : without(taken, await this.#table.present());
      const why = 'the kernel did not take it';
      this.#note([...refused, ...missing.map((prefix) => ({ prefix, why, lan: undefined, holdsPeer: false }))]);
      if (missing.length === 0) this.#settled = seen;
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      this.#note(offered.map((prefix) => ({ prefix, why, lan: undefined, holdsPeer: false })));
    }
  }

  /** What is at home here: by the router's proof what lists of members give it, and what an administrator says. */
  #homes(): HomeNetwork[] {
    const routes = this.#home();
    const said = routes.length === 0 ? [] : [{ routes, router: undefined }];
    const { router } = this.#node.home;
    const gen = router && this.#node.keys.members().find(({ id }) => id === router.node);
    return gen ? [...said, { routes: gen.routes.map(prefixOf), router: router.address }] : said;
  }

  /**
   * Terminals of a network that the machine is connected to reach its overlay addresses through their GEN, and are answered that
   * way: by the link it would be in clear (protocol.md 8.2).
   */
  async #answer(refused: readonly RefusedRoute[]): Promise<void> {
    const ranges = refused.filter(({ lan }) => lan !== undefined).map(({ prefix }) => prefix);
    const text = ranges.map(formatPrefix).join();
    if (text === this.#answered) return;
    await this.#table.answer(this.#node.keys.self().addresses, ranges);
    this.#answered = text;
  }

  async #strangeLans(refused: readonly RefusedRoute[]): Promise<StrangeLans> {
    // where a peer is, others say: that makes nothing clear either
    const ranges = refused.filter(({ lan, holdsPeer }) => lan === 'strange' || holdsPeer).map(({ prefix }) => prefix);
    return ranges.length === 0 ? NO_STRANGERS : { ranges, routers: await this.#table.routers() };
  }

  #note(refused: readonly RefusedRoute[]): void {
    if (this.#closed) return;
    for (const { prefix, why, lan } of refused) {
      if (this.#refused.some((known) => known.why === why && known.lan === lan && samePrefix(known.prefix, prefix)))
        continue;
      const fields = { route: formatPrefix(prefix), why };
      if (lan !== 'home') this.#node.counters.add('network-left-out');
      if (lan === 'home') this.#log.log('info', 'lan-proved', fields);
      else this.#log.log('warn', lan === 'strange' ? 'lan-not-proved' : 'route-not-taken', fields);
    }
    this.#refused = refused;
  }

  #endpoints(): Prefix[] {
    const { paths } = this.#node;
    return [...paths.peers()].flatMap(({ peer }) => paths.candidates(peer).map(addressOf));
  }
}

/** The main routing table of this machine, for routes through one device. */
export function mainTable(device: string): RouteTable {
  const isOther = ([name]: readonly [string, unknown]) => name !== device;
  return {
    used: () => usedRanges(device),
    present: () => rosterRoutes(device),
    change: (added, removed) => changeRosterRoutes(device, added, removed),
    answer: (addresses, ranges) => setAnswerRoutes(device, addresses, ranges),
    routers: () => linkRouters(device),
    networks: () =>
      JSON.stringify(
        Object.entries(networkInterfaces())
          .filter(isOther)
          .map(([name, is]) => [name, is?.map(cidrOf)]),
      ),
  };
}

function addressOf(path: PathAddress): Prefix {
  const { family, address } = parsePath(path);
  return { family, address, length: 8 * address.length };
}

function cidrOf({ cidr }: { readonly cidr: string | null }): string | null {
  return cidr;
}

function isSame(prefix: Prefix): (other: Prefix) => boolean {
  return (other) => samePrefix(prefix, other);
}

function without(these: readonly Prefix[], those: readonly Prefix[]): Prefix[] {
  return these.filter((prefix) => !those.some((other) => samePrefix(prefix, other)));
}
