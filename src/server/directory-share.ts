import { randomBytes } from 'node:crypto';
import {
  type DirectoryPeer,
  decodeServerMessage,
  encodeServerMessage,
  type ServerMessage,
} from '../api/channel/server-message.ts';
import type { CoordinatorPlace } from '../api/channel/services.ts';
import type { NodeId } from '../base/brands.ts';
import { PostgresListener } from './store/postgres-listener.ts';
import { connectionOptions } from './store/postgres-options.ts';

/*
 * Who is where, among the processes of one network: notifications of PostgreSQL, which keeps none of them. Each is
 *
 *   <sender> ask                  a process that begins, or was cut off: tell me of your nodes
 *   <sender> <base64>             one peer, or its own coordinator, as a message `directory` or `services` of the node channel
 */

const CHANNEL = 'gscip_directory';
const ASK = 'ask';
const NOTIFY = 'select pg_notify($1, each) from unnest($2::text[]) each';
/** PostgreSQL takes no longer ones. */
const LONGEST = 7_999;

/** Peers that were told of before the change that brought them; more are forgotten. */
const MOST_EARLY = 1_024;

/** How often a process says that its coordinator lives (milliseconds). */
const PLACES_EVERY = 20_000;

export interface ShareCalls {
  /** Notifications overtake changes, which have to be read first. */
  isKnown(node: NodeId): boolean;
  /** peers that are connected to another process */
  take(peers: readonly DirectoryPeer[]): void;
  /** those that are connected here */
  all(): readonly DirectoryPeer[];
  /** coordinators of this process */
  places(): readonly CoordinatorPlace[];
  /** those of another process, by its name; none when it ends */
  takePlaces(process: string, places: readonly CoordinatorPlace[]): void;
  /** now and then */
  tick(): void;
}

/** Passes what a hub shares on to the hubs of the other processes, and the other way round. */
export class DirectoryShare {
  readonly #listener: PostgresListener;
  readonly #calls: ShareCalls;
  readonly #early = new Map<NodeId, DirectoryPeer>();
  readonly #sender = randomBytes(8).toString('hex');
  readonly #alive = setInterval(() => this.#stayAlive(), PLACES_EVERY).unref();

  /** Connects in the background, and again whenever the database was gone: a directory is a convenience. */
  constructor(url: string, calls: ShareCalls) {
    this.#calls = calls;
    this.#listener = new PostgresListener(connectionOptions(url), {
      channel: CHANNEL,
      listening: () => this.#notify([ASK, ...this.#places(), ...this.#calls.all().map(encoded)]),
      heard: (payload) => this.#receive(payload),
    });
    this.#listener.startLater();
  }

  send(peers: readonly DirectoryPeer[]): void {
    this.#notify(peers.map(encoded));
  }

  /** Where the coordinators of this process are. */
  sendPlaces(): void {
    this.#notify(this.#places());
  }

  /** Nodes may have become known. */
  handleChanges(): void {
    if (this.#early.size > 0) this.#take([...this.#early.values()]);
  }

  async stop(): Promise<void> {
    clearInterval(this.#alive);
    await this.#listener.say(NOTIFY, [CHANNEL, [`${this.#sender} ${placesText([])}`]]);
    await this.#listener.stop();
  }

  #receive(payload: string): void {
    const [sender, text = ''] = payload.split(' ', 2);
    if (sender === this.#sender) return;
    if (text === ASK) return this.#notify([...this.#places(), ...this.#calls.all().map(encoded)]);
    const message = decodeServerMessage(new Uint8Array(Buffer.from(text, 'base64')));
    if (typeof message === 'string') return;
    if (message.type === 'directory') this.#take(message.peers);
    if (message.type === 'services') this.#calls.takePlaces(sender, message.coordinators);
  }

  #stayAlive(): void {
    this.sendPlaces();
    this.#calls.tick();
  }

  #places(): readonly string[] {
    const places = this.#calls.places();
    return places.length === 0 ? [] : [placesText(places)];
  }

  #take(peers: readonly DirectoryPeer[]): void {
    for (const peer of peers) {
      this.#early.delete(peer.id);
      if (this.#calls.isKnown(peer.id)) this.#calls.take([peer]);
      else if (this.#early.size < MOST_EARLY) this.#early.set(peer.id, peer);
    }
  }

  #notify(texts: readonly string[]): void {
    const payloads = texts.map((text) => `${this.#sender} ${text}`).filter(({ length }) => length <= LONGEST);
    if (payloads.length === 0) return;
    // one that is lost with the connection is sent again when it is back
    void this.#listener.say(NOTIFY, [CHANNEL, payloads]);
  }
}

function encoded(peer: DirectoryPeer): string {
  return textOf({ type: 'directory', peers: [peer] });
}

function placesText(coordinators: readonly CoordinatorPlace[]): string {
  return textOf({ type: 'services', coordinators });
}

function textOf(message: ServerMessage): string {
  return Buffer.from(encodeServerMessage(message)).toString('base64');
}
