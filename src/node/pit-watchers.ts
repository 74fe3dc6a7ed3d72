import { setImmediate as nextTurn } from 'node:timers/promises';
import type { PitEventAnswer, PitFlowEvent, PitRelayedEvent } from '../api/pit.ts';
import type { Millis } from '../base/brands.ts';
import type { RelayListing } from '../dprp/relay-table.ts';
import { entriesFrom } from '../pit/listing.ts';
import { pitEntryAnswer, relayedAnswer } from './answers.ts';
import type { ControlReply } from './control-socket.ts';
import type { Engine } from './engine.ts';

/** Bytes that may wait for a watcher; what comes beyond is counted and not told. */
const BACKLOG = 1 << 20;
/** After so many events in a row that it did not take, a watcher is dropped. */
const MOST_MISSED = 10_000;
/** Entries that are described before packets get their turn. */
const ENTRIES_A_TURN = 500;

/** A client that follows the PIT, and what it missed since it last kept up. */
interface Watcher {
  readonly reply: ControlReply;
  missed: number;
  /** while it is told of the flows that there are: entries that came meanwhile, of which it knows */
  fresh: Set<number> | undefined;
}

/** Clients that follow the PIT; without one, nothing is described. */
export class PitWatchers {
  readonly #engine: Engine;
  readonly #now: () => Millis;
  readonly #watchers = new Set<Watcher>();

  constructor(engine: Engine, now: () => Millis) {
    this.#engine = engine;
    this.#now = now;
  }

  /** Settles when the client has gone. With `open` it is told first of the flows that there are. */
  add(reply: ControlReply, open: boolean): Promise<undefined> {
    const watcher: Watcher = { reply, missed: 0, fresh: open ? new Set() : undefined };
    this.#watchers.add(watcher);
    this.#engine.watchPit((event, entry, cause) => this.#tell(event, entry, cause ?? ''));
    this.#engine.elements.relay.relays.watch((event, relayed, cause) => {
      for (const each of this.#watchers) tellOne(each, this.#relayed(`relay-${event}`, relayed, cause));
    });
    reply.onClose(() => this.#remove(watcher));
    if (open) void this.#tellOpen(watcher);
    return reply.closed;
  }

  stop(): void {
    for (const watcher of this.#watchers) {
      const { reply } = watcher;
      tellMissed(watcher);
      reply.send({ schema: 1, at: isoNow(), event: 'end', cause: 'agent-stopped' } satisfies PitEventAnswer);
      reply.end();
    }
  }

  #remove(watcher: Watcher): void {
    this.#watchers.delete(watcher);
    if (this.#watchers.size > 0) return;
    this.#engine.watchPit(null);
    this.#engine.elements.relay.relays.watch(null);
  }

  /** As fast as the client reads, and between the packets. */
  async #tellOpen(watcher: Watcher): Promise<void> {
    let left = ENTRIES_A_TURN;
    for (const relayed of this.#engine.elements.relay.relays.list())
      watcher.reply.send(this.#relayed('relay-open', relayed, ''));
    for (const entry of entriesFrom(this.#engine.node.pit)) {
      if (!this.#watchers.has(watcher)) return;
      if (watcher.fresh?.has(entry)) continue;
      watcher.reply.send(this.#event('open', entry, ''));
      if (watcher.reply.waiting > BACKLOG / 2) await watcher.reply.drained();
      if (--left > 0) continue;
      left = ENTRIES_A_TURN;
      await nextTurn();
    }
    watcher.fresh = undefined;
  }

  #tell(event: PitFlowEvent['event'], entry: number, cause: string): void {
    const answer = this.#event(event, entry, cause);
    for (const watcher of this.#watchers) {
      watcher.fresh?.add(entry);
      tellOne(watcher, answer);
    }
  }

  #relayed(event: PitRelayedEvent['event'], relayed: RelayListing, cause: string): PitRelayedEvent {
    return { schema: 1, at: isoNow(), event, cause, relayed: relayedAnswer(this.#engine, relayed, this.#now()) };
  }

  #event(event: PitFlowEvent['event'], entry: number, cause: string): PitFlowEvent {
    return { schema: 1, at: isoNow(), event, cause, entry: pitEntryAnswer(this.#engine, entry, this.#now()) };
  }
}

function tellOne(watcher: Watcher, answer: PitFlowEvent | PitRelayedEvent): void {
  const { reply } = watcher;
  if (reply.waiting > BACKLOG) {
    watcher.missed += 1;
    if (watcher.missed === 1) void reply.drained().then(() => tellMissed(watcher));
    if (watcher.missed > MOST_MISSED) reply.drop();
    return;
  }
  tellMissed(watcher);
  reply.send(answer);
}

function tellMissed(watcher: Watcher): void {
  const { missed, reply } = watcher;
  if (missed === 0) return;
  watcher.missed = 0;
  reply.send({ schema: 1, at: isoNow(), event: 'missed', missed } satisfies PitEventAnswer);
}

function isoNow(): string {
  return new Date().toISOString();
}
