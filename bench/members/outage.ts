import { type Millis, millis } from '../../src/base/brands.ts';
import type { PathAddress } from '../../src/base/path-address.ts';
import type { Caller } from './caller.ts';
import { BATCH, type Datagram, type Hub } from './hub.ts';
import type { MadeMember } from './network.ts';

/** What the kernel charges for a datagram of DPRP that waits in a socket, and how much one socket may hold (src/udp asks for 7 MiB). */
const CHARGED = 2_304;
const SOCKET = Math.floor((7 * 2 ** 20) / CHARGED);
/** Most milliseconds from one tick of an agent that has something open to the next. */
const TICK = 5;

export interface OutageResult {
  /** milliseconds from the end of the outage until so many had an SA */
  readonly half: number;
  readonly most: number;
  readonly all: number;
  /** members without an SA when time was over */
  readonly left: number;
  /** datagrams that found the socket full */
  readonly dropped: number;
  /** datagrams that the hub handled, and milliseconds of its CPU in all */
  readonly handled: number;
  readonly busy: number;
  /** handshakes that gave up after 15 s and were begun anew */
  readonly failures: number;
  /** when it was over, by the clock of the hub */
  readonly end: Millis;
}

export interface OutageOptions {
  /** by the clock of the hub */
  readonly begin: Millis;
  /** round trip between a member and the hub, ms */
  readonly roundTrip: number;
  /** the members' first packets come within so many ms */
  readonly within: number;
  /** given up after so many seconds */
  readonly seconds: number;
}

/**
 * Members that all contact one node at once. The clock is made up, and moves by the time that the node really takes for what it
 * handles; the members take none, as each has a machine of its own. The node's socket holds what a kernel's would; the rest is lost.
 */
export class Outage {
  readonly #hub: Hub;
  readonly #to: MadeMember;
  readonly #options: OutageOptions;
  readonly #callers: ReadonlyMap<PathAddress, Caller>;
  readonly #due = new Map<number, (() => void)[]>();
  #inbox: Datagram[] = [];
  #now: Millis;
  #slot: number;
  readonly #done: number[] = [];
  #dropped = 0;
  #handled = 0;
  #busy = 0;

  constructor(hub: Hub, to: MadeMember, callers: readonly Caller[], options: OutageOptions) {
    this.#hub = hub;
    this.#to = to;
    this.#options = options;
    this.#now = options.begin;
    this.#slot = Math.floor(options.begin);
    this.#callers = new Map(callers.map((caller) => [caller.member.path, caller]));
    callers.forEach((caller, at) => {
      const start = options.begin + (options.within * at) / callers.length;
      this.#at(start, () => this.#begin(caller));
    });
  }

  run(): OutageResult {
    const end = this.#options.begin + this.#options.seconds * 1_000;
    let tickedAt = 0;
    while (this.#done.length < this.#callers.size && this.#now < end) {
      const batch = this.#inbox.splice(0, BATCH);
      const isDue = this.#now - tickedAt >= TICK;
      if (isDue) tickedAt = this.#now;
      if (batch.length > 0 || isDue) this.#work(batch, isDue);
      if (batch.length === 0) this.#now = millis(this.#now + 1);
      this.#reach();
    }
    return this.#result();
  }

  #result(): OutageResult {
    const times = this.#done.map((at) => at - this.#options.begin).sort((a, b) => a - b);
    const share = (part: number) => times[Math.ceil(part * this.#callers.size) - 1] ?? Number.NaN;
    return {
      ...{ half: share(0.5), most: share(0.99), all: share(1), left: this.#callers.size - times.length },
      ...{ dropped: this.#dropped, handled: this.#handled, busy: this.#busy },
      end: this.#now,
      failures: [...this.#callers.values()].reduce((sum, { failures }) => sum + failures, 0),
    };
  }

  /** The node handles a batch, and the clock moves by the time that it took. */
  #work(batch: readonly Datagram[], isDue: boolean): void {
    const before = this.#hub.nanoseconds;
    const sent = batch.length > 0 ? this.#hub.receive(batch, this.#now) : [];
    if (isDue) sent.push(...this.#hub.tick(this.#now));
    const took = (this.#hub.nanoseconds - before) / 1e6;
    this.#handled += batch.length;
    this.#busy += took;
    this.#now = millis(this.#now + took);
    for (const { bytes, path } of sent)
      this.#at(this.#now + this.#options.roundTrip / 2, () => this.#answer(path, bytes));
  }

  /** Carries out what is due by now. */
  #reach(): void {
    for (; this.#slot <= this.#now; this.#slot++) {
      const due = this.#due.get(this.#slot);
      this.#due.delete(this.#slot);
      for (const act of due ?? []) act();
    }
  }

  #begin(caller: Caller): void {
    this.#sendUp(caller, caller.call(this.#to, this.#now));
  }

  #answer(path: PathAddress, bytes: Uint8Array): void {
    const caller = this.#callers.get(path);
    if (caller) this.#sendUp(caller, caller.handle(bytes, this.#to.path, this.#now));
  }

  #sendUp(caller: Caller, sent: readonly Uint8Array[]): void {
    for (const bytes of sent) this.#at(this.#now + this.#options.roundTrip / 2, () => this.#arrive(caller, bytes));
    if (caller.hasSa) {
      if (!caller.counted) this.#done.push(this.#now);
      caller.counted = true;
      return;
    }
    const deadline = caller.nextDeadline();
    if (deadline === undefined) this.#at(this.#now + 1_000, () => this.#begin(caller));
    else if (deadline !== caller.timerAt) {
      caller.timerAt = deadline;
      this.#at(deadline, () => this.#tick(caller, deadline));
    }
  }

  #tick(caller: Caller, deadline: Millis): void {
    if (caller.timerAt !== deadline || caller.hasSa) return;
    caller.timerAt = undefined;
    this.#sendUp(caller, caller.tick(this.#now));
  }

  #arrive({ member }: Caller, bytes: Uint8Array): void {
    if (this.#inbox.length < SOCKET) this.#inbox.push({ bytes, path: member.path });
    else this.#dropped += 1;
  }

  #at(time: number, act: () => void): void {
    const slot = Math.max(Math.ceil(time), this.#slot + 1);
    const due = this.#due.get(slot);
    if (due) due.push(act);
    else this.#due.set(slot, [act]);
  }
}
