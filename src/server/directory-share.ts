import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { type DirectoryPeer, decodeServerMessage, encodeServerMessage } from '../api/channel/server-message.ts';
import type { NodeId } from '../base/brands.ts';
import { connectionOptions } from './store/postgres-options.ts';

/*
 * Who is where, among the processes of one network: notifications of PostgreSQL, which keeps none of them. Each is
 *
 *   <sender> ask                  a process that begins, or was cut off: tell me of your nodes
 *   <sender> <base64>             one peer, as a message `directory` of the node channel
 */

const CHANNEL = 'gscip_directory';
const ASK = 'ask';
const RETRY = 1_000;
/** PostgreSQL takes no longer ones. */
const LONGEST = 7_999;

/** Peers that were told of before the change that brought them; more are forgotten. */
const MOST_EARLY = 1_024;

export interface ShareCalls {
  /** Notifications overtake changes, which have to be read first. */
  isKnown(node: NodeId): boolean;
  /** peers that are connected to another process */
  take(peers: readonly DirectoryPeer[]): void;
  /** those that are connected here */
  all(): readonly DirectoryPeer[];
}

/** Passes what a hub shares on to the hubs of the other processes, and the other way round. */
export class DirectoryShare {
  readonly #options: pg.ClientConfig;
  readonly #calls: ShareCalls;
  readonly #early = new Map<NodeId, DirectoryPeer>();
  readonly #sender = randomBytes(8).toString('hex');
  #client: pg.Client | undefined;
  #retry: NodeJS.Timeout | undefined;
  #stopped = false;

  /** Connects in the background, and again whenever the database was gone: a directory is a convenience. */
  constructor(url: string, calls: ShareCalls) {
    this.#options = connectionOptions(url);
    this.#calls = calls;
    void this.#connect();
  }

  send(peers: readonly DirectoryPeer[]): void {
    this.#notify(peers.map(encoded));
  }

  /** Nodes may have become known. */
  handleChanges(): void {
    if (this.#early.size > 0) this.#take([...this.#early.values()]);
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#retry);
    await this.#client?.end().catch(() => undefined);
  }

  async #connect(): Promise<void> {
    const client = new pg.Client(this.#options);
    client.on('error', () => undefined);
    client.once('end', () => this.#lost());
    client.on('notification', ({ payload }) => this.#receive(payload ?? ''));
    try {
      await client.connect();
      await client.query(`listen ${CHANNEL}`);
      this.#client = client;
      this.#notify([ASK, ...this.#calls.all().map(encoded)]);
    } catch {
      await client.end().catch(() => undefined);
      this.#lost();
    }
    if (this.#stopped) await this.stop();
  }

  #lost(): void {
    this.#client = undefined;
    clearTimeout(this.#retry);
    if (!this.#stopped) this.#retry = setTimeout(() => void this.#connect(), RETRY);
  }

  #receive(payload: string): void {
    const [sender, text = ''] = payload.split(' ', 2);
    if (sender === this.#sender) return;
    if (text === ASK) return this.send(this.#calls.all());
    const message = decodeServerMessage(new Uint8Array(Buffer.from(text, 'base64')));
    if (typeof message !== 'string' && message.type === 'directory') this.#take(message.peers);
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
    this.#client
      ?.query('select pg_notify($1, each) from unnest($2::text[]) each', [CHANNEL, payloads])
      .catch(() => undefined);
  }
}

function encoded(peer: DirectoryPeer): string {
  return Buffer.from(encodeServerMessage({ type: 'directory', peers: [peer] })).toString('base64');
}
