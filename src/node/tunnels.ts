import type { Millis } from '../base/brands.ts';
import { DATAGRAM } from '../base/datagram-kinds.ts';
import type { Logger } from '../base/log.ts';
import { formatPath, type PathAddress, pathAddress } from '../base/path-address.ts';
import { MESSAGE } from '../base/primitives.ts';
import { unreachable } from '../base/unreachable.ts';
import { routeOf } from '../nat/path-route.ts';
import type { BatchSocket } from '../udp/batch-socket.ts';
import { openBatchSocket } from '../udp/open-batch-socket.ts';
import type { ListenAddress } from './agent-config.ts';
import type { TunnelEffect, TunnelSink } from './effects.ts';
import type { Engine } from './engine.ts';
import { knownPath } from './path-cache.ts';
import type { Dial } from './server-dial.ts';
import type { TunnelShell } from './tunnel-shell.ts';

/** What the tunnels need of the agent. */
export interface TunnelParts {
  readonly engine: Engine;
  /** where the main socket listens, and its port */
  readonly listen: ListenAddress;
  readonly port: () => number;
  readonly now: () => Millis;
  readonly random: (length: number) => Uint8Array;
  readonly log: Logger;
  readonly dial?: Dial;
  /** carries out what the engine was just told of */
  readonly afterBatch: () => void;
}

const CHANNEL_AT = 4;

/**
 * The tunnels of a node whose UDP is blocked (protocol.md 6.8), one for each coordinator. Packets for a relay are sealed and sent
 * by the packet path as always, but to a bridge: a socket on the loopback device, which hands them to the tunnel; and what comes
 * out of the tunnel comes from the bridge.
 *
 *   packet path ── frame ──► bridge ──► tunnel ══ TCP ══► server
 *       ▲                      │  ▲        │
 *       └────────── frame ─────┘  └────────┤
 *   engine ◄───────────── all other kinds ─┘
 */
export class Tunnels implements TunnelSink {
  readonly #parts: TunnelParts;
  readonly #tunnels = new Map<string, TunnelShell>();
  /** by relay: the name of the tunnel */
  readonly #detours = new Map<PathAddress, string>();
  #bridge: BatchSocket | undefined;
  #isClosed = false;
  /** what was asked for while a tunnel was being made */
  #ready: Promise<void> = Promise.resolve();

  constructor(parts: TunnelParts) {
    this.#parts = parts;
  }

  carryOut(effect: TunnelEffect): void {
    switch (effect.kind) {
      case 'tunnel':
        this.#ready = this.#ready.then(() => (effect.wanted ? this.#want(effect) : this.#unwant(effect.id)));
        return;
      case 'send-tunnel':
        void this.#ready.then(() => this.#tunnels.get(effect.id)?.send(effect.bytes, effect.to));
        return;
      case 'detour':
        return this.#detour(effect.relay, effect.id);
      default:
        return unreachable(effect);
    }
  }

  take(bytes: Uint8Array, to: PathAddress): boolean {
    if (this.#detours.size === 0) return false;
    const relay = routeOf(to).address;
    const id = this.#detours.get(relay);
    const tunnel = id === undefined ? undefined : this.#tunnels.get(id);
    tunnel?.send(bytes, relay);
    return tunnel !== undefined;
  }

  close(): void {
    this.#isClosed = true;
    for (const tunnel of this.#tunnels.values()) tunnel.unwant();
    this.#bridge?.close();
  }

  async #want({ id, addresses }: Extract<TunnelEffect, { kind: 'tunnel' }>): Promise<void> {
    const { engine, now, random, log, dial } = this.#parts;
    // a node whose UDP gets through loads no client of WebSockets for it
    const [{ TunnelShell: Shell }] = await Promise.all([import('./tunnel-shell.ts'), this.#openBridge()]);
    if (this.#isClosed) return;
    const known = this.#tunnels.get(id);
    known?.setAddresses(addresses);
    const tunnel =
      known ??
      new Shell(
        addresses,
        { now, random, ...(dial && { dial }) },
        {
          datagram: (bytes, from) => this.#received(bytes, from),
          up: (address) => {
            log.log('info', 'tunnel-up', { address });
            engine.reach.handleTunnelUp(id, now());
            this.#parts.afterBatch();
          },
          down: (address, why) => log.log('warn', 'tunnel-down', { address, why }),
          count: (name) => engine.node.counters.add(name),
        },
      );
    this.#tunnels.set(id, tunnel);
    tunnel.want();
  }

  #unwant(id: string): void {
    this.#tunnels.get(id)?.unwant();
  }

  #detour(relay: PathAddress, id: string | undefined): void {
    const { engine } = this.#parts;
    if (id === undefined) this.#detours.delete(relay);
    else this.#detours.set(relay, id);
    engine.node.paths.detour(relay, id === undefined ? undefined : this.#bridgePath());
  }

  #received(bytes: Uint8Array, from: PathAddress): void {
    const { engine, now, afterBatch } = this.#parts;
    if (bytes[0] === DATAGRAM.frame) return this.#toMain(bytes);
    engine.reach.handleDatagram(bytes, from, now());
    afterBatch();
  }

  #toMain(bytes: Uint8Array): void {
    const { address } = knownPath(this.#loopback());
    this.#bridge?.send(bytes, bytes.length, address, this.#parts.port());
  }

  #bridgePath(): PathAddress | undefined {
    if (!this.#bridge) return undefined;
    const { family, address } = knownPath(this.#loopback());
    return formatPath(family, address, this.#bridge.port);
  }

  /** Where the main socket hears its own machine: on the loopback device, or at the one address that it listens on. */
  #loopback(): PathAddress {
    const { address = '127.0.0.1' } = this.#parts.listen;
    return pathAddress(address.includes(':') ? `[${address}]:1` : `${address}:1`);
  }

  async #openBridge(): Promise<void> {
    if (this.#bridge || this.#isClosed) return;
    const { listen, log, engine } = this.#parts;
    const socket = await openBatchSocket({ address: listen.address ?? '127.0.0.1', port: 0, gro: false });
    if (typeof socket === 'string') return log.log('error', 'bridge-not-opened', { reason: socket });
    this.#bridge = socket;
    engine.reach.gate.setBridge(this.#bridgePath());
    socket.start(
      (arena, rows, count) => this.#fromMain(arena, rows, count),
      (reason) => log.log('error', 'bridge-failed', { reason }),
    );
  }

  /** Frames that the packet path sent to the bridge; whoever else sends there is not heard. */
  #fromMain(arena: Uint8Array, rows: Int32Array, count: number): void {
    const { engine, port } = this.#parts;
    const view = new DataView(arena.buffer, arena.byteOffset);
    for (let at = 0; at < count * MESSAGE.stride; at += MESSAGE.stride) {
      const [offset, length] = [rows[at + MESSAGE.offset], rows[at + MESSAGE.length]];
      if (rows[at + MESSAGE.port] !== port() || length <= CHANNEL_AT + 4) continue;
      const relay = engine.reach.gate.relayOf(view.getInt32(offset + CHANNEL_AT));
      if (relay) this.take(arena.slice(offset, offset + length), relay);
    }
  }
}
