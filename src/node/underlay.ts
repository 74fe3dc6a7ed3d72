import type { CoordinatorPlace } from '../api/channel/services.ts';
import type { UnderlayStatus } from '../api/status.ts';
import type { PathAddress } from '../base/path-address.ts';
import { MESSAGE } from '../base/primitives.ts';
import type { AddressPrefix } from '../nat/outer-address.ts';
import type { BatchSocket } from '../udp/batch-socket.ts';
import { openBatchSocket } from '../udp/open-batch-socket.ts';
import { outerAddresses } from './gateway/outer-addresses.ts';
import { bestFirst, gatewaysOf, mapperPlace, type NetworkView, networkName } from './network-view.ts';
import { NetworkWatch } from './network-watch.ts';
import { knownPath } from './path-cache.ts';
import { PortMapping } from './port-mapping.ts';
import { TooBigWatch } from './too-big-watch.ts';
import { type TunnelParts, Tunnels } from './tunnels.ts';

/** What the shell of paths needs of the agent. */
export interface UnderlayParts extends TunnelParts {
  /** the overlay's interface, whose addresses are nobody's here */
  readonly tun: string;
  /** whether routers are asked to let others in */
  readonly mapsPorts: () => boolean;
  /** ranges of the overlay */
  readonly overlay: () => readonly AddressPrefix[];
  /** this machine is on another network: for whoever has connections of its own */
  readonly moved: () => void;
}

/**
 * The network around this node, as its shell sees it: the machine's addresses and its router, and the spare socket, from which the
 * node asks how long a mapping lives and what comes in that nothing has opened.
 */
export class Underlay {
  readonly tunnels: Tunnels;
  readonly #parts: UnderlayParts;
  readonly #watch: NetworkWatch;
  readonly #mapping: PortMapping;
  readonly #tooBig: TooBigWatch;
  #spare: BatchSocket | undefined;
  #isOpening = false;
  #isClosed = false;
  #coordinators: readonly CoordinatorPlace[] = [];
  #mapped: readonly PathAddress[] = [];
  #network = '';

  constructor(parts: UnderlayParts) {
    const { tun, log, random, engine } = parts;
    this.#parts = parts;
    this.tunnels = new Tunnels(parts);
    this.#mapping = new PortMapping({
      ...{ random, log, count: (name) => engine.node.counters.add(name) },
      changed: (external) => this.#setMapped(external),
    });
    this.#tooBig = new TooBigWatch((quoted) => {
      if (quoted.sourcePort === parts.port()) engine.handleTooBig(quoted, parts.now());
    });
    this.#watch = new NetworkWatch({ tun, changed: (view, before) => this.#changed(view, before) });
  }

  status(): UnderlayStatus {
    return { changesBy: this.#watch.source, portMapping: this.#mapping.facts ?? null };
  }

  /** The server named the coordinators, at the start of a session or because they changed. */
  setCoordinators(places: readonly CoordinatorPlace[]): void {
    const { engine, now, afterBatch } = this.#parts;
    this.#coordinators = places;
    if (places.length > 0) void this.#openSpare();
    this.#tellAddresses(this.#watch.view);
    this.#askRouter(this.#watch.view);
    engine.reach.setCoordinators(places, now());
    afterBatch();
  }

  /**
   * The server is gone: a coordinator in the same process has forgotten this node, and is greeted until it is back. Where it was
   * not there before either, the coordinator may have died meanwhile, and is asked.
   */
  handleServerLost(wasReady: boolean): void {
    const { engine, now, afterBatch } = this.#parts;
    if (wasReady) engine.reach.setCoordinators(this.#coordinators, now());
    else engine.reach.doubtCoordinators(now());
    afterBatch();
  }

  /** Whether the router is asked was changed. */
  handleMappingWish(): void {
    if (this.#parts.mapsPorts()) return this.#askRouter(this.#watch.view);
    void this.#mapping.stop().then(() => {
      this.#askRouter(this.#watch.view);
      this.#setMapped(undefined);
    });
  }

  /** The machine slept: whatever was known of its networks, and by them, may be wrong. */
  handleWake(): void {
    const { engine, now, moved, afterBatch } = this.#parts;
    this.#watch.lookAgain();
    engine.reach.handleNetworkChange(now());
    moved();
    afterBatch();
  }

  sendSpare(bytes: Uint8Array, to: PathAddress): void {
    const { family, address, port } = knownPath(to);
    const socket = this.#spare;
    if (socket && (family === 4 || socket.family === 6)) socket.send(bytes, bytes.length, address, port);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.tunnels.close();
    this.#watch.close();
    this.#tooBig.close();
    this.#spare?.close();
    await this.#mapping.stop();
  }

  /** Nothing is told while there is no network at all: the next one counts as another, also with the old addresses. */
  #changed(view: NetworkView, before: NetworkView | undefined): void {
    const { engine, now, log, moved, afterBatch } = this.#parts;
    if (view.addresses.length > 0) {
      this.#network = networkName(view);
      const isTold = this.#tellAddresses(view);
      const isBack = before !== undefined && before.addresses.length === 0;
      if (!isTold && isBack) engine.reach.handleNetworkChange(now());
      if (isTold || isBack) moved();
      // the very first view makes no difference to what was known before
      engine.elements.seek(gatewaysOf(view), now(), before !== undefined && (isTold || isBack));
    }
    if (before)
      log.log('info', 'network-changed', { addresses: view.addresses.length, gateway: view.out4?.device ?? '' });
    this.#askRouter(view);
    afterBatch();
  }

  /** True when the engine takes it for another network. */
  #tellAddresses(view: NetworkView): boolean {
    const { engine, overlay, port, now } = this.#parts;
    const interfaces = outerAddresses(bestFirst(view), engine.node.keys.self().routes);
    const own = { port: port(), network: this.#network, interfaces, mapped: this.#mapped };
    return engine.reach.setAddresses(own, overlay(), now());
  }

  #askRouter(view: NetworkView): void {
    const { listen, mapsPorts, port } = this.#parts;
    const isOpen = listen.address === undefined || listen.address === '0.0.0.0';
    // without a coordinator nobody would be told
    const isUseful = this.#coordinators.length > 0 && mapsPorts() && isOpen;
    this.#mapping.setPlace(isUseful ? mapperPlace(view, port()) : undefined);
  }

  #setMapped(external: PathAddress | undefined): void {
    this.#mapped = external === undefined ? [] : [external];
    this.#tellAddresses(this.#watch.view);
    this.#parts.afterBatch();
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
