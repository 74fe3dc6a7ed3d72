import { type NodeId, nodeId } from '../base/brands.ts';
import { formatPath, type PathAddress, parsePath } from '../base/path-address.ts';
import { MESSAGE } from '../base/primitives.ts';
import { unreachable } from '../base/unreachable.ts';
import type { BatchSocket } from '../udp/batch-socket.ts';
import type { DatagramWorld } from './datagram-roles.ts';
import type { Coordinator } from './dc/coordinator.ts';
import type { DcEffect, DcSocket } from './dc/dc-effects.ts';
import type { Tunnels } from './relay-shell.ts';

const TICK = 100;

type Sockets = Readonly<Partial<Record<Exclude<DcSocket, 'tunnel'>, BatchSocket>>>;

/** Tells the relay of a name that these two may use a channel. */
export type Allow = (relay: string, channel: number, nodes: readonly [NodeId, NodeId]) => void;

/** Joins a coordinator with its sockets and the clock, and carries out what it wants done. */
export class DcShell {
  readonly #coordinator: Coordinator;
  readonly #sockets: Sockets;
  readonly #allow: Allow;
  readonly #world: Pick<DatagramWorld, 'now' | 'time' | 'count' | 'log'>;
  readonly #tunnels: Tunnels | undefined;
  readonly #timer: NodeJS.Timeout;

  constructor(
    coordinator: Coordinator,
    sockets: Sockets,
    allow: Allow,
    world: Pick<DatagramWorld, 'now' | 'time' | 'count' | 'log'>,
    tunnels: Tunnels | undefined,
  ) {
    this.#tunnels = tunnels;
    this.#coordinator = coordinator;
    this.#sockets = sockets;
    this.#allow = allow;
    this.#world = world;
    for (const name of ['main', 'other-port', 'other-address'] as const) {
      const failed = (reason: string) => world.log.log('error', 'udp-failed', { socket: name, reason });
      sockets[name]?.start((arena, rows, count) => this.#received(name, arena, rows, count), failed);
    }
    this.#timer = setInterval(() => {
      coordinator.tick(this.#moment());
      this.#carryOut();
    }, TICK);
  }

  /** `key` of the node's row. */
  handleRemoved(key: string): void {
    this.#coordinator.handleRemoved(nodeId(key));
    this.#carryOut();
  }

  /** A datagram that came through a tunnel. */
  handleTunnelled(bytes: Uint8Array, from: PathAddress): void {
    this.#coordinator.handleDatagram(bytes, from, 'tunnel', this.#moment());
    this.#carryOut();
  }

  stop(): void {
    clearInterval(this.#timer);
    for (const socket of Object.values(this.#sockets)) socket.close();
  }

  #received(name: DcSocket, arena: Uint8Array, rows: Int32Array, count: number): void {
    const moment = this.#moment();
    for (let at = 0; at < count * MESSAGE.stride; at += MESSAGE.stride) {
      const family = rows[at + MESSAGE.family] === 4 ? 4 : 6;
      const words = rows.slice(at + MESSAGE.address, at + MESSAGE.address + 4);
      const from = formatPath(family, new Uint8Array(words.buffer, 0, family === 4 ? 4 : 16), rows[at + MESSAGE.port]);
      const offset = rows[at + MESSAGE.offset];
      const bytes = arena.slice(offset, offset + rows[at + MESSAGE.length]);
      this.#coordinator.handleDatagram(bytes, from, name, moment);
    }
    this.#carryOut();
  }

  #moment() {
    return { now: this.#world.now(), time: this.#world.time() };
  }

  #carryOut(): void {
    for (const effect of this.#coordinator.takeEffects()) this.#one(effect);
  }

  #one(effect: DcEffect): void {
    switch (effect.kind) {
      case 'send': {
        if (effect.socket === 'tunnel') return this.#tunnels?.send(effect.bytes, effect.to);
        const { address, port } = parsePath(effect.to);
        this.#sockets[effect.socket]?.send(effect.bytes, effect.bytes.length, address, port);
        return;
      }
      case 'allow':
        return this.#allow(effect.relay, effect.channel, effect.nodes);
      case 'counter':
        return this.#world.count(effect.name, 1);
      default:
        return unreachable(effect);
    }
  }
}
