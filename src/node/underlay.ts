import { type NetworkInterfaceInfo, networkInterfaces } from 'node:os';
import type { CoordinatorPlace } from '../api/channel/services.ts';
import type { Millis } from '../base/brands.ts';
import { parseAddress } from '../base/ip-address.ts';
import type { Logger } from '../base/log.ts';
import type { PathAddress } from '../base/path-address.ts';
import { MESSAGE } from '../base/primitives.ts';
import type { AddressPrefix } from '../nat/outer-address.ts';
import type { BatchSocket } from '../udp/batch-socket.ts';
import { openBatchSocket } from '../udp/open-batch-socket.ts';
import type { ListenAddress } from './agent-config.ts';
import type { Engine } from './engine.ts';
import { knownPath } from './path-cache.ts';

/** What the shell of paths needs of the agent. */
export interface UnderlayParts {
  readonly engine: Engine;
  readonly listen: ListenAddress;
  /** the overlay's interface, whose addresses are nobody's here */
  readonly tun: string;
  /** ranges of the overlay */
  readonly overlay: () => readonly AddressPrefix[];
  readonly port: () => number;
  readonly now: () => Millis;
  readonly log: Logger;
  /** carries out what the engine was just told of */
  readonly afterBatch: () => void;
}

/** How often this machine's addresses are looked at, in milliseconds: laptops move. */
const LOOK_EVERY = 15_000;

/**
 * The network around this node, as its shell sees it: the machine's addresses, and the spare socket, from which the node asks
 * how long a mapping lives and what comes in that nothing has opened.
 */
export class Underlay {
  readonly #parts: UnderlayParts;
  #spare: BatchSocket | undefined;
  #isOpening = false;
  #isClosed = false;
  #mapped: readonly PathAddress[] = [];
  #lookedAt = Number.NEGATIVE_INFINITY;

  constructor(parts: UnderlayParts) {
    this.#parts = parts;
  }

  /** The server named the coordinators, at the start of a session or because they changed. */
  setCoordinators(places: readonly CoordinatorPlace[]): void {
    const { engine, now, afterBatch } = this.#parts;
    if (places.length > 0) void this.#openSpare();
    this.look();
    engine.reach.setCoordinators(places, now());
    afterBatch();
  }

  /** Outer addresses that a router on the way gave this node. */
  setMapped(mapped: readonly PathAddress[]): void {
    this.#mapped = mapped;
    this.look();
  }

  /** Reads the machine's addresses now; the engine finds out whether they differ. */
  look(): void {
    const { engine, tun, overlay, port, now } = this.#parts;
    this.#lookedAt = now();
    const own = { port: port(), interfaces: ownInterfaces(tun), mapped: this.#mapped };
    engine.reach.setAddresses(own, overlay(), now());
  }

  tick(): void {
    if (this.#parts.now() - this.#lookedAt >= LOOK_EVERY) this.look();
  }

  sendSpare(bytes: Uint8Array, to: PathAddress): void {
    const { family, address, port } = knownPath(to);
    const socket = this.#spare;
    if (socket && (family === 4 || socket.family === 6)) socket.send(bytes, bytes.length, address, port);
  }

  close(): void {
    this.#isClosed = true;
    this.#spare?.close();
  }

  /** Without it nothing is lost but the kind of filter, and longer pauses between keep-alives. */
  async #openSpare(): Promise<void> {
    if (this.#spare || this.#isOpening || this.#isClosed) return;
    this.#isOpening = true;
    const { listen, log, engine, now, afterBatch } = this.#parts;
    const socket = await openBatchSocket({ address: listen.address, port: 0, gro: false });
    this.#isOpening = false;
    if (typeof socket === 'string') return log.log('warn', 'spare-socket-not-opened', { reason: socket });
    if (this.#isClosed) return socket.close();
    this.#spare = socket;
    socket.start(
      (arena, rows, count) => {
        for (let at = 0; at < count * MESSAGE.stride; at += MESSAGE.stride) {
          const offset = rows[at + MESSAGE.offset];
          engine.reach.handleSpare(arena.slice(offset, offset + rows[at + MESSAGE.length]), now());
        }
        afterBatch();
      },
      (reason) => log.log('warn', 'spare-socket-failed', { reason }),
    );
  }
}

/** Addresses of this machine with their prefixes, but for those that only it or one link knows. */
function ownInterfaces(tun: string, interfaces = networkInterfaces()): AddressPrefix[] {
  return Object.entries(interfaces)
    .filter(([name]) => name !== tun)
    .flatMap(([, infos = []]) => infos.flatMap(prefixFrom));
}

function prefixFrom({ address: text, internal, cidr }: NetworkInterfaceInfo): AddressPrefix[] {
  const address = parseAddress(text.split('%')[0]);
  const length = Number(cidr?.split('/')[1]);
  if (internal || !address || !Number.isInteger(length)) return [];
  const isLinkLocal = address.length === 16 && address[0] === 0xfe && (address[1] & 0xc0) === 0x80;
  return isLinkLocal ? [] : [{ address, length }];
}
