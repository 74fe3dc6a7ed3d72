import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { type Millis, millis } from '../base/brands.ts';
import { parseAddress } from '../base/ip-address.ts';
import type { ListenAddress } from '../base/listen-address.ts';
import type { Logger } from '../base/log.ts';
import { type Rate, RateTable } from '../base/rate-table.ts';
import { ConnectionGuard } from './connection-guard.ts';
import { listening } from './listening.ts';
import { sourceOf } from './source.ts';

/** The text format of Prometheus. */
export const METRICS_TYPE = 'text/plain; version=0.0.4; charset=utf-8';

/** Who reads metrics comes every few seconds, by one connection; nobody else has to. */
export interface MetricsLimits {
  /** open at once, in all and of one source */
  readonly connections: number;
  readonly perSource: number;
  /** connections of one source */
  readonly rate: Rate;
  /** milliseconds from a connection's first packet to its last, however it spends them */
  readonly life: number;
  /** milliseconds for which a text is given to whoever asks again */
  readonly fresh: number;
}

export const METRICS_LIMITS: MetricsLimits = {
  connections: 64,
  perSource: 8,
  rate: { burst: 16, perSecond: 4 },
  life: 5_000,
  fresh: 1_000,
};
/** Sources whose rate is remembered. */
const SOURCES = 1_024;
/** Bytes of a request's head; what follows is not read. */
const MAX_HEAD = 8_192;

/** What is read there. */
export interface MetricsSource {
  text(): string | Promise<string>;
  /** what `/healthz` says */
  isWell(): boolean;
}

export interface MetricsParts {
  readonly source: MetricsSource;
  readonly log: Logger;
  /** addresses that only members of the network reach */
  readonly overlay?: readonly string[];
  readonly limits?: MetricsLimits;
  readonly now?: () => Millis;
}

/**
 * An HTTP port for `/metrics` and `/healthz` of a program that has none otherwise. It keeps nothing between two requests,
 * and a connection carries one. Its socket has no mark: a closed node's lock treats it as any program's (protocol.md 11.6).
 */
export class MetricsDoor {
  readonly #source: MetricsSource;
  readonly #log: Logger;
  readonly #limits: MetricsLimits;
  readonly #now: () => Millis;
  readonly #guard: ConnectionGuard;
  readonly #rates: RateTable<string>;
  readonly #open = new Set<Socket>();
  readonly #server: Server;
  #count = 0;
  #last: { readonly at: Millis; readonly text: Promise<Buffer> } | undefined;

  private constructor({ source, log, limits = METRICS_LIMITS, now = () => millis(performance.now()) }: MetricsParts) {
    const { connections, perSource, rate, life } = limits;
    this.#source = source;
    this.#log = log;
    this.#limits = limits;
    this.#now = now;
    const late = { unprovedWhenLate: connections, opening: life };
    this.#guard = new ConnectionGuard({ connections, unprovedPerSource: perSource, ...late });
    this.#rates = new RateTable(rate, SOURCES);
    // the life of a connection is the bound for all of it
    this.#server = createServer(
      { maxHeaderSize: MAX_HEAD, headersTimeout: 0, requestTimeout: 0 },
      (request, response) => this.#answer(request, response),
    );
    // what else was sent along is not looked at
    this.#server.maxRequestsPerSocket = 1;
    this.#server.on('connection', (socket) => this.#admit(socket));
  }

  /** Listens; a port that cannot be had is an error, and nothing is left of the try. */
  static async open(address: ListenAddress, parts: MetricsParts): Promise<MetricsDoor> {
    const door = new MetricsDoor(parts);
    const { host, port } = address;
    const where = { port, ...(host !== undefined && { host }) };
    const what = `port ${port}${host === undefined ? '' : ` of ${host}`}`;
    await listening(door.#server, { where, what, elsewhere: 'give metrics another port (--metrics)' });
    const { log, overlay = [] } = parts;
    log.log('info', 'metrics-served', { at: door.url });
    if (isExposed(address, overlay)) log.log('warn', 'metrics-exposed', { at: door.url });
    return door;
  }

  /** "http://127.0.0.1:9470/metrics" */
  get url(): string {
    const bound = this.#server.address();
    return bound === null || typeof bound === 'string' ? '' : urlOf(bound);
  }

  /** Nobody is connected any more when it settles. */
  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    for (const socket of this.#open) socket.destroy();
    await closed;
  }

  #admit(socket: Socket): void {
    const name = `${++this.#count}`;
    const source = sourceOf(socket.remoteAddress);
    const comesTooOften = !this.#rates.take(source, this.#now());
    if (comesTooOften || this.#guard.enter(name, source, false) !== undefined) {
      socket.destroy();
      return;
    }
    this.#open.add(socket);
    const end = setTimeout(() => socket.destroy(), this.#limits.life);
    socket.once('close', () => {
      clearTimeout(end);
      this.#guard.leave(name);
      this.#open.delete(socket);
    });
  }

  #answer({ url = '', method }: IncomingMessage, response: ServerResponse): void {
    const [path] = url.split('?', 1);
    if (path !== '/metrics' && path !== '/healthz') return say(response, 404, PLAIN, NOT_THERE);
    if (method !== 'GET' && method !== 'HEAD') {
      response.setHeader('allow', 'GET, HEAD');
      return say(response, 405, PLAIN, READ_ONLY);
    }
    if (path === '/metrics') return void this.#metrics(response);
    const ok = this.#source.isWell();
    say(response, ok ? 200 : 503, 'application/json; charset=utf-8', JSON.stringify({ ok }));
  }

  async #metrics(response: ServerResponse): Promise<void> {
    try {
      say(response, 200, METRICS_TYPE, await this.#text());
    } catch (error) {
      const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
      this.#log.log('error', 'metrics-failed', { text });
      say(response, 500, PLAIN, 'see the log\n');
    }
  }

  /** Made on request, at most once in a while, and once for all who read it slowly: asking without a pause costs no more. */
  #text(): Promise<Buffer> {
    const at = this.#now();
    const { fresh } = this.#limits;
    if (this.#last === undefined || at - this.#last.at >= fresh) this.#last = { at, text: this.#fresh() };
    return this.#last.text;
  }

  async #fresh(): Promise<Buffer> {
    return Buffer.from(await this.#source.text());
  }
}

/** Whether others than this machine's users, and members of the network, reach the port. */
export function isExposed({ host }: ListenAddress, overlay: readonly string[]): boolean {
  if (host === undefined) return true;
  const bytes = parseAddress(host);
  if (bytes?.length === 4 && bytes[0] === 127) return false;
  return !['::1', ...overlay].some((each) => sameAddress(host, each));
}

function sameAddress(one: string, other: string): boolean {
  const [a, b] = [one, other].map((text) => parseAddress(text.replace(/\/\d+$/, ''))?.join('.'));
  return a !== undefined && a === b;
}

const PLAIN = 'text/plain; charset=utf-8';
const NOT_THERE = 'there are /metrics and /healthz\n';
const READ_ONLY = 'this is read with GET\n';

/** The same headers as of a server's answer; a connection carries one. */
function say(response: ServerResponse, status: number, type: string, text: string | Buffer): void {
  const headers = { 'cache-control': 'no-store', 'x-content-type-options': 'nosniff', connection: 'close' };
  const body = typeof text === 'string' ? Buffer.from(text) : text;
  response.writeHead(status, { ...headers, 'content-type': type, 'content-length': body.length }).end(body);
}

function urlOf({ address, family, port }: AddressInfo): string {
  return `http://${family === 'IPv6' ? `[${address}]` : address}:${port}/metrics`;
}
