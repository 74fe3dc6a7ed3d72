import { resolve } from 'node:path';
import type { DownAnswer, LockStatus } from '../../api/lock.ts';
import type { HealthLine } from '../../api/status.ts';
import { CONTROL_MARK } from '../../base/control-mark.ts';
import { GscipError } from '../../base/errors.ts';
import type { Logger } from '../../base/log.ts';
import type { Prefix } from '../../tun/prefix.ts';
import { nftGeneration, nftJson, runNft, withoutTable } from '../nft.ts';
import type { StateDir } from '../state-dir.ts';
import { countsOf, fingerprint, isClosed, threats } from './lock-listing.ts';
import { type LockLevel, type LockPlan, lockRules, lockTable, type PlainForwarding } from './lock-rules.ts';

/** What the lock follows of a running node. */
export interface LockFacts {
  readonly mode: string;
  readonly type: string;
  /** what is reached through the overlay */
  readonly overlay: readonly Prefix[];
  /** of a GEN, once it is known */
  readonly between: PlainForwarding | undefined;
  /** connected networks with addresses of members' that are not proved to be theirs, and the routers there */
  readonly strange: readonly Prefix[];
  readonly routers: readonly Prefix[];
}

/** nftables, or its twin in a test. */
export interface LockPorts {
  run(script: string): Promise<void>;
  list(what: readonly string[]): Promise<readonly unknown[]>;
  /** another number after each change of any rules of this machine; undefined where nobody knows */
  generation(): number | undefined;
}

const NFTABLES: LockPorts = { run: runNft, list: nftJson, generation: nftGeneration };

/** How often it looks whether the table still stands, and what stands in front of it; milliseconds. */
const LOOK = 5_000;
const LOOK_AROUND = 60_000;

/**
 * The lock of a running node (protocol.md 8.2, 11.6): follows its mode, puts back what others take away, and outlives the
 * agent. A closed node's rules are kept as a file, too, for the next start and for the machine's own.
 */
export class Lock {
  readonly #state: StateDir;
  readonly #tun: string;
  readonly #log: Logger;
  readonly #ports: LockPorts;
  #level: LockLevel | undefined;
  /** what the kernel has taken; the rules of a new mode take a moment */
  #standing: LockLevel | undefined;
  #script = '';
  /** as nftables lists what was put in force last */
  #made = '';
  #isOpened = false;
  #restored = 0;
  #trouble: GscipError | undefined;
  #threats: readonly string[] = [];
  #work: Promise<void> = Promise.resolve();
  #lookAroundAt = 0;
  /** of the rules that were looked at last, and looked around in */
  #looked: number | undefined;
  #lookedAround: number | undefined;
  #timer: NodeJS.Timeout | undefined;
  #isOver = false;

  readonly #count: (name: string, packets: number) => void;
  /** packets by counter, as they were last seen */
  #counts: ReadonlyMap<string, number> = new Map();

  /** `count` hears of packets that the guard dropped. */
  constructor(
    state: StateDir,
    tun: string,
    log: Logger,
    ports: LockPorts = NFTABLES,
    count: (name: string, packets: number) => void = () => undefined,
  ) {
    this.#count = count;
    this.#state = state;
    this.#tun = tun;
    this.#log = log;
    this.#ports = ports;
  }

  /** The node is this now. Settles when the rules that belong to it are in force, or cannot be. */
  follow(facts: LockFacts): Promise<void> {
    const plan = planOf(facts, this.#tun);
    const script = lockRules(plan);
    if (script === this.#script && this.#trouble === undefined) return this.#work;
    return this.#next(() => this.#change(plan.level, script));
  }

  /** Throws what kept the lock of a closed node from being closed: such a node does not start. */
  refuseOpen(): void {
    if (this.#level === 'closed' && this.#trouble) throw this.#trouble;
  }

  /** From here on it looks after itself. */
  watch(): void {
    this.#timer = setInterval(() => this.tick(performance.now()), LOOK).unref();
  }

  /** Looks whether the rules still stand; also called by its own timer. */
  tick(now: number): void {
    if (this.#level === undefined) return;
    const isAround = now >= this.#lookAroundAt;
    if (isAround) this.#lookAroundAt = now + LOOK_AROUND;
    void this.#next(() => this.#look(isAround));
  }

  /** Hands over what the guard dropped up to now; settles when it has. */
  count(): Promise<void> {
    return this.#next(async () => {
      if (this.#level === 'guard' && !this.#trouble) await this.#listing();
    });
  }

  status(): LockStatus {
    const table = lockTable(this.#tun);
    const stands = this.#standing === this.#level && !this.#trouble;
    if (this.#level === 'closed') return { state: this.#isOpened || !stands ? 'open' : 'closed', table };
    return { state: this.#level === 'guard' && stands ? 'guard' : 'none', table };
  }

  health(): HealthLine[] {
    return [...this.#stateLines(), ...this.#threats.map(threatLine)];
  }

  /** Orderly end: a closed node stays closed, an open one leaves nothing behind. */
  release(): Promise<void> {
    // also after trouble: rules that were to be replaced may stand
    return this.#end(this.#level === 'guard');
  }

  /** The node has left its network for good: nothing is held back any more. */
  forget(): Promise<void> {
    return this.#end(this.#level !== undefined);
  }

  #end(isTakenAway: boolean): Promise<void> {
    clearInterval(this.#timer);
    return this.#next(async () => {
      this.#isOver = true;
      if (isTakenAway) await this.#attempt(withoutTable(lockTable(this.#tun)));
    });
  }

  #next(act: () => Promise<void>): Promise<void> {
    this.#work = this.#work.then(() => (this.#isOver ? undefined : act()));
    return this.#work;
  }

  async #change(level: LockLevel, script: string): Promise<void> {
    const before = this.#level;
    this.#level = level;
    this.#script = script;
    this.#keepFile(level, script);
    this.#isOpened = level === 'closed' && this.#state.text('lockOpened') !== undefined;
    if (!this.#isOpened) await this.#putInForce();
    if (before !== level) this.#log.log('info', 'lock', { state: this.status().state });
  }

  /** Before the rules are in force: a crash in between leaves a file that the next start takes up. */
  #keepFile(level: LockLevel, script: string): void {
    if (level === 'closed') {
      if (this.#state.text('lock') !== script) this.#state.writeText('lock', script);
      return;
    }
    this.#state.discard('lock');
    this.#state.discard('lockOpened');
  }

  async #putInForce(): Promise<void> {
    this.#trouble = undefined;
    this.#looked = undefined;
    if (this.#made !== '') await this.#listing(); // what it counted goes with the table
    this.#counts = new Map();
    if (await this.#attempt(this.#script)) await this.#taken();
  }

  async #taken(): Promise<void> {
    this.#standing = this.#level;
    this.#made = await this.#listing();
  }

  async #attempt(script: string): Promise<boolean> {
    try {
      await this.#ports.run(script);
      return true;
    } catch (error) {
      if (!(error instanceof GscipError)) throw error;
      const { code, message, remedy } = error;
      if (!this.#trouble) this.#log.log('error', 'lock-failed', { code, message, remedy });
      this.#trouble = error;
      return false;
    }
  }

  async #look(isAround: boolean): Promise<void> {
    this.#isOpened = this.#level === 'closed' && this.#state.text('lockOpened') !== undefined;
    if (this.#isOpened) return;
    // a program is started only where something changed: that costs the agent more than all the rest of a minute's work
    const generation = this.#ports.generation();
    const isChanged = (looked: number | undefined) => generation === undefined || generation !== looked;
    const isGuard = this.#level !== 'closed';
    if (this.#trouble !== undefined) await this.#retry();
    // what a guard dropped is counted once a minute, by the same listing
    else if (isChanged(this.#looked) || (isAround && isGuard)) await this.#compare(generation);
    if (isAround && !isGuard && isChanged(this.#lookedAround)) await this.#lookAround(generation);
  }

  async #compare(generation: number | undefined): Promise<void> {
    const stands = await this.#listing();
    // gone as soon as it was made: then nothing is known of how it should look
    if (stands === '' || stands !== this.#made) return this.#restore();
    this.#looked = generation;
  }

  async #retry(): Promise<void> {
    const known = this.#trouble;
    if (await this.#attempt(this.#script)) {
      this.#trouble = undefined;
      await this.#taken();
    } else this.#trouble = known;
  }

  async #restore(): Promise<void> {
    this.#restored++;
    this.#log.log('warn', 'lock-restored', { table: lockTable(this.#tun) });
    await this.#putInForce();
  }

  async #lookAround(generation: number | undefined): Promise<void> {
    try {
      this.#threats = threats(await this.#ports.list(['ruleset']), lockTable(this.#tun), CONTROL_MARK);
      this.#lookedAround = generation;
    } catch {
      this.#threats = []; // the next look may fare better
    }
  }

  /** '' where there is no such table. */
  async #listing(): Promise<string> {
    try {
      const listing = await this.#ports.list(['table', ...lockTable(this.#tun).split(' ')]);
      const counts = countsOf(listing);
      for (const [name, packets] of counts) this.#count(name, Math.max(0, packets - (this.#counts.get(name) ?? 0)));
      this.#counts = counts;
      return fingerprint(listing);
    } catch {
      return '';
    }
  }

  #stateLines(): HealthLine[] {
    if (this.#isOpened) return [OPENED_LINE];
    if (this.#trouble && this.#level === 'closed') return [offLine(this.#trouble)];
    if (this.#trouble) return [noGuardLine(this.#trouble)];
    return this.#restored === 0 ? [] : [restoredLine(this.#restored)];
  }
}

/** Closes the lock that an earlier run kept, before anything else of a start; nothing where there is none. */
export async function closeKept(state: StateDir, ports: LockPorts = NFTABLES): Promise<boolean> {
  const script = state.text('lock');
  if (script === undefined) return false;
  await ports.run(script);
  state.discard('lockOpened');
  return true;
}

/** Opens the lock by hand, until `closeKept`, the next start of the agent or of the machine. True when there was one. */
export async function openByHand(state: StateDir, tun: string, ports: LockPorts = NFTABLES): Promise<boolean> {
  const stood = await standing(tun, ports);
  // first the note: a running agent would put the table back
  if (state.text('lock') !== undefined) state.writeText('lockOpened', '');
  await ports.run(withoutTable(lockTable(tun)));
  return stood !== 'none';
}

/** What stands in the kernel, whether or not an agent runs. */
export async function standing(tun: string, ports: LockPorts = NFTABLES): Promise<'closed' | 'guard' | 'none'> {
  const tables = await ports.list(['tables']);
  const [family, name] = lockTable(tun).split(' ');
  const wanted = `"family":"${family}","name":"${name}"`;
  if (!tables.some((each) => JSON.stringify(each).includes(wanted))) return 'none';
  return isClosed(await ports.list(['table', ...lockTable(tun).split(' ')])) ? 'closed' : 'guard';
}

/** What the end of an agent leaves of its rules, as `down` says it. */
export function whatStays(state: LockStatus['state'], folder: string): DownAnswer {
  const lock = state === 'closed' || state === 'open' ? state : 'none';
  return { schema: 1, stopped: true, lock, state: resolve(folder) };
}

/** The same of a node that has no keys yet, by what an earlier run kept. */
export function whatStaysKept(state: StateDir): DownAnswer {
  const opened = state.text('lockOpened') === undefined ? 'closed' : 'open';
  return whatStays(state.text('lock') === undefined ? 'none' : opened, state.path);
}

function planOf({ mode, type, between, ...facts }: LockFacts, tun: string): LockPlan {
  return mode === 'cl'
    ? { level: 'closed', tun, isRouter: type === 'gen', between }
    : { level: 'guard', tun, ...facts };
}

const OPENED_LINE: HealthLine = {
  code: 'lock-opened',
  text: 'this node is closed, but its lock was opened by hand: clear text passes; to close it: sudo gscip lock close',
};

function offLine({ message, remedy }: GscipError): HealthLine {
  return { code: 'lock-off', text: `this node is closed, but its lock is not in force: ${message}; ${remedy}` };
}

function noGuardLine({ message, remedy }: GscipError): HealthLine {
  return {
    code: 'guard-off',
    text: `nothing keeps packets to overlay addresses from other ways when the agent ends unexpectedly: ${message}; ${remedy}`,
  };
}

function restoredLine(times: number): HealthLine {
  return {
    code: 'lock-restored',
    text: `another program removed or changed the lock; it was put back, ${times} times so far: see what reloads the firewall of this machine`,
  };
}

function threatLine(what: string): HealthLine {
  return { code: 'lock-passed-by', text: `packets may pass by the lock: ${what}` };
}
