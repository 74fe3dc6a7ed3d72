import { lookup } from 'node:dns/promises';
import { isIP, type NetConnectOpts, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { ClientOptions } from 'ws';
import { parseAddress } from '../base/ip-address.ts';
import { overlaps, type Prefix } from '../tun/prefix.ts';
import { connectStream } from '../udp/control-stream.ts';
import type { StateDir } from './state-dir.ts';

/** How a WebSocket gets its connection. */
export type Dial = NonNullable<ClientOptions['createConnection']>;

/**
 * Connections to servers that carry the mark of control traffic, so that a lock lets them pass and one that closes cuts
 * none of them (protocol.md 11.6). A name is asked for while the node is open; a closed one goes by the numbers that are
 * kept, and asks nobody in clear. Who answers there proves itself inside.
 */
export class ServerDial {
  readonly #state: StateDir;
  readonly #known: Map<string, readonly string[]>;
  /** by name: which of its numbers is next, since only a try tells which of them answers */
  readonly #turns = new Map<string, number>();
  #overlay: readonly Prefix[] = [];

  constructor(state: StateDir) {
    this.#state = state;
    this.#known = parseAddresses(state.text('addresses'));
  }

  readonly connect: Dial = (to: NetConnectOpts | number | string): Socket => {
    const { host, port } = destination(to);
    if (isIP(host) === 0 && this.#state.text('lock') === undefined) void this.#ask(host);
    const servername = isIP(host) === 0 ? host : '';
    const tls = { rejectUnauthorized: false, servername };
    const numbers = isIP(host) === 0 ? this.#inTurn(host) : [host];
    for (const number of numbers) {
      const socket = connectStream(number, port);
      if (typeof socket !== 'string') return connectTls({ ...tls, socket });
    }
    // no addon, or a name that is not known yet: as any other program
    return connectTls({ ...tls, host, port });
  };

  /** Ranges that are reached through the overlay: a name that leads there is no way to it. */
  setOverlay(ranges: readonly Prefix[]): void {
    this.#overlay = ranges;
  }

  /** The numbers, as far as they are known, of a "HOST:PORT". */
  addresses(place: string): { readonly family: 4 | 6; readonly address: string; readonly port: number }[] {
    const colon = place.lastIndexOf(':');
    const host = place.slice(0, colon).replace(/^\[|\]$/g, '');
    const numbers = isIP(host) === 0 ? (this.#known.get(host) ?? []) : [host];
    return numbers.map((address) => ({
      family: isIP(address) === 4 ? 4 : 6,
      address,
      port: Number(place.slice(colon + 1)),
    }));
  }

  /** IPv4 first; each try begins with the next one. */
  #inTurn(host: string): readonly string[] {
    const numbers = this.#known.get(host) ?? [];
    const turn = this.#turns.get(host) ?? 0;
    this.#turns.set(host, turn + 1);
    const at = numbers.length === 0 ? 0 : turn % numbers.length;
    return [...numbers.slice(at), ...numbers.slice(0, at)];
  }

  #isInside(address: string): boolean {
    const bytes = parseAddress(address);
    const whole: Prefix | null = bytes && {
      family: bytes.length === 4 ? 4 : 6,
      address: bytes,
      length: 8 * bytes.length,
    };
    return whole !== null && this.#overlay.some((range) => overlaps(range, whole));
  }

  async #ask(host: string): Promise<void> {
    try {
      const found = await lookup(host, { all: true, order: 'ipv4first' });
      const numbers = found.map(({ address }) => address).filter((address) => !this.#isInside(address));
      if (numbers.length === 0) return;
      if (numbers.join() === (this.#known.get(host) ?? []).join()) return;
      this.#known.set(host, numbers);
      this.#state.writeText('addresses', `${JSON.stringify(Object.fromEntries(this.#known), null, 2)}\n`);
    } catch {
      // what was known stays; that the server is not reached is told where it is missed
    }
  }
}

function destination(to: NetConnectOpts | number | string): { readonly host: string; readonly port: number } {
  if (typeof to !== 'object' || !('port' in to)) throw new TypeError('a server is reached by host and port');
  // as a URL has it, the port is a text
  return { host: to.host ?? 'localhost', port: Number(to.port) };
}

/** What is damaged is asked for again. */
function parseAddresses(text: string | undefined): Map<string, readonly string[]> {
  const found = new Map<string, readonly string[]>();
  for (const [host, numbers] of Object.entries(jsonObject(text)))
    if (Array.isArray(numbers))
      found.set(
        host,
        numbers.filter((each) => typeof each === 'string' && isIP(each) !== 0),
      );
  return found;
}

function jsonObject(text = '{}'): object {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? value : {};
  } catch {
    return {};
  }
}
