import { type NodeId, nodeId } from '../base/brands.ts';
import { type PathAddress, parsePath } from '../base/path-address.ts';
import { isTunnelAddress } from '../nat/tunnel-address.ts';
import type { BatchSocket } from '../udp/batch-socket.ts';
import type { DatagramWorld } from './datagram-roles.ts';
import type { DatagramNumbers } from './http/metrics.ts';
import type { RelayDeps } from './relay/binding-desk.ts';
import { Relay } from './relay/relay.ts';
import type { RelayRates } from './relay/relay-limits.ts';
import { relayWalk } from './relay/relay-walk.ts';
import { takeTunnelRuns } from './relay/tunnel-runs.ts';

const TICK = 1_000;

/** Sends what goes to nodes behind tunnels. */
export interface Tunnels {
  send(bytes: Uint8Array, to: PathAddress): void;
}

/** Joins a relay with its socket and the clock. */
export class RelayShell {
  readonly #relay: Relay;
  readonly #socket: BatchSocket;
  readonly #world: Pick<DatagramWorld, 'now' | 'count' | 'log'>;
  readonly #timer: NodeJS.Timeout;

  constructor(
    deps: RelayDeps,
    rates: RelayRates,
    socket: BatchSocket,
    world: Pick<DatagramWorld, 'now' | 'count' | 'log'>,
    tunnels: Tunnels | undefined,
  ) {
    this.#socket = socket;
    this.#world = world;
    this.#relay = new Relay(
      deps,
      rates,
      {
        walk: socket.relayWalk ?? relayWalk,
        forward: (arena, runs, count, ends) => {
          const rest = takeTunnelRuns(runs, count, ends, (offset, length, segment, to) => {
            for (let at = offset; at < offset + length; at += segment)
              tunnels?.send(arena.slice(at, Math.min(at + segment, offset + length)), to);
          });
          socket.sendRuns(arena, runs, rest, ends);
        },
        answer: (bytes, to) => {
          const { address, port } = parsePath(to);
          if (isTunnelAddress(address)) tunnels?.send(bytes, to);
          else socket.send(bytes, bytes.length, address, port);
        },
        count: world.count,
      },
      world.now(),
    );
    socket.start(
      (arena, rows, count, isBehind) => this.#relay.handleMessages(arena, rows, count, isBehind, world.now()),
      (reason) => world.log.log('error', 'udp-failed', { socket: 'relay', reason }),
    );
    this.#timer = setInterval(() => this.#relay.tick(world.now()), TICK);
  }

  /** A datagram that came through a tunnel. */
  handleTunnelled(bytes: Uint8Array, from: PathAddress): void {
    this.#relay.handleTunnelled(bytes, from, this.#world.now());
  }

  numbers(): Pick<DatagramNumbers, 'channels' | 'datagrams' | 'bytes'> {
    const { channels, forwardedDatagrams, forwardedBytes } = this.#relay;
    return { channels, datagrams: forwardedDatagrams, bytes: forwardedBytes };
  }

  allow(channel: number, nodes: readonly [NodeId, NodeId]): void {
    this.#relay.allow(channel, nodes, this.#world.now());
  }

  /** `key` of the node's row. */
  handleRemoved(key: string): void {
    this.#relay.handleRemoved(nodeId(key));
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#socket.close();
  }
}
