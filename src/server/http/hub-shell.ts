import type { DirectoryPeer } from '../../api/channel/server-message.ts';
import type { CoordinatorPlace } from '../../api/channel/services.ts';
import type { Millis, UnixSeconds } from '../../base/brands.ts';
import type { Logger } from '../../base/log.ts';
import { unreachable } from '../../base/unreachable.ts';
import type { Hub } from '../gms/hub.ts';
import type { ChannelId, HubEffect, Moment, RunEffect } from '../gms/hub-effects.ts';
import type { Tools } from '../network/tools.ts';
import type { Store } from '../store/store.ts';
import type { NodeDoor } from './node-door.ts';

export interface HubWorld {
  readonly store: Store;
  /** passes on what concerns the hubs of other processes */
  readonly share: (peers: readonly DirectoryPeer[]) => void;
  readonly tools: () => Tools;
  readonly log: Logger;
  now(): Millis;
  time(): UnixSeconds;
}

/** How often a hub looks at its deadlines (milliseconds). */
const TICK = 100;
/** What it may work off at once while others wait for the loop (milliseconds). */
const SLICE = 10;

/** Joins a hub with the store, the node channels and the clock, and carries out what it wants done. */
export class HubShell {
  readonly #hub: Hub;
  readonly #world: HubWorld;
  readonly #door: () => NodeDoor;
  readonly #timer: NodeJS.Timeout;
  readonly #unsubscribe: () => void;
  #stopped = false;
  #isWorking = false;

  constructor(hub: Hub, world: HubWorld, door: () => NodeDoor) {
    this.#hub = hub;
    this.#world = world;
    this.#door = door;
    this.#unsubscribe = world.store.onChanges((changes) => this.#input((moment) => hub.handleChanges(changes, moment)));
    this.#timer = setInterval(() => this.#input((moment) => hub.tick(moment)), TICK);
  }

  opened(id: ChannelId, source: string, address: Uint8Array | undefined): void {
    this.#input((moment) => this.#hub.handleOpened(id, source, address, moment));
  }

  frame(id: ChannelId, frame: Uint8Array): void {
    this.#input((moment) => this.#hub.handleFrame(id, frame, moment));
    if (this.#hub.isSession(id)) this.#door().prove(id);
  }

  closed(id: ChannelId): void {
    this.#input(() => this.#hub.handleClosed(id));
  }

  /** What a hub of another process shared. */
  shared(peers: readonly DirectoryPeer[]): void {
    this.#input(() => this.#hub.handleShared(peers));
  }

  /** The network's coordinators, this server's own first. */
  coordinators(places: readonly CoordinatorPlace[]): void {
    this.#input(() => this.#hub.handleCoordinators(places));
  }

  /** No more inputs, and what commands under way come back with is not heard. */
  stop(): void {
    this.#stopped = true;
    clearInterval(this.#timer);
    this.#unsubscribe();
  }

  #input(handle: (moment: Moment) => void): void {
    if (this.#stopped) return;
    handle(this.#moment());
    for (const effect of this.#hub.takeEffects()) this.#carryOut(effect);
    if (this.#isWorking) return;
    this.#isWorking = true;
    setImmediate(() => this.#work());
  }

  /** Updates go out in slices, so that a roll to many nodes holds nothing else up. */
  #work(): void {
    if (this.#stopped) return;
    const moment = this.#moment();
    let more = true;
    while (more && this.#world.now() - moment.now < SLICE) more = this.#hub.work(moment, this.#door().isFull);
    for (const effect of this.#hub.takeEffects()) this.#carryOut(effect);
    this.#isWorking = more;
    if (more) setImmediate(() => this.#work());
  }

  #moment(): Moment {
    return { now: this.#world.now(), time: this.#world.time() };
  }

  #carryOut(effect: HubEffect): void {
    switch (effect.kind) {
      case 'send':
        return this.#door().send(effect.channel, effect.frame);
      case 'close':
        return this.#door().close(effect.channel, effect.reason);
      case 'run':
        return this.#run(effect);
      case 'share':
        return this.#world.share(effect.peers);
      case 'log':
        return this.#world.log.log(effect.level, effect.event, effect.fields);
      default:
        return unreachable(effect);
    }
  }

  #run({ actor, action, detail, command, settled }: RunEffect): void {
    const { store, tools } = this.#world;
    const settle = (error: unknown) => this.#input((moment) => settled(error, moment));
    store.run(actor, action, (draft) => command(draft, tools()), detail).then(() => settle(undefined), settle);
  }
}
