import { encodeJoinToken } from '../../../src/api/join-token.ts';
import { type Millis, millis, type UnixSeconds, unixSeconds } from '../../../src/base/brands.ts';
import { asFingerprint } from '../../../src/crypto/enrolment.ts';
import { nodeProvider } from '../../../src/crypto/node-provider.ts';
import type { ConnectionCalls, LinkConnection } from '../../../src/node/server-link/link-shell.ts';
import { Hub } from '../../../src/server/gms/hub.ts';
import { channelId, type HubEffect } from '../../../src/server/gms/hub-effects.ts';
import { serverKeys } from '../../../src/server/gms/server-keys.ts';
import { createToken, type TokenRequest } from '../../../src/server/network/commands/tokens.ts';
import { settingsOf } from '../../../src/server/network/settings.ts';
import { type World, world } from '../../server/network/ground.ts';
import { seededRandom } from '../seeded-random.ts';
import { SimMachine } from './machine.ts';

const STEP = 100;

/** One server process in memory: the rules, the hub, and connections that a test may cut. */
export class SimServer {
  readonly ground: World;
  readonly address: string;
  /** connections stay open, and nothing comes through any more */
  isMute = false;
  readonly #network: Network;
  readonly #connections = new Map<number, ConnectionCalls>();
  #hub: Hub;
  /** Connections stay, and nothing that comes over them is heard. */
  deaf = false;
  #isUp = true;
  #unsubscribe: () => void;
  #next = 1;

  constructor(network: Network, address: string, ground: World) {
    this.#network = network;
    this.address = address;
    this.ground = ground;
    this.#hub = this.#makeHub();
    this.#unsubscribe = this.#listen();
  }

  get hub(): Hub {
    return this.#hub;
  }

  /** A token as its text. */
  token(request: Partial<TokenRequest> = {}, servers: readonly string[] = [this.address]): string {
    const full = { user: 'anna', groups: ['lab'], ...request };
    const { id, secret } = this.ground.run((tools, draft) => createToken(tools, draft, full, 'test'));
    const { as } = serverKeys(nodeProvider, settingsOf(this.ground.view));
    return encodeJoinToken(nodeProvider, {
      fingerprint: asFingerprint(nodeProvider, as.publicKey),
      id,
      secret,
      servers,
    });
  }

  /** The process dies: every connection breaks, what it knew beside its store is gone. */
  kill(): void {
    this.#isUp = false;
    this.#unsubscribe();
    for (const calls of this.#connections.values()) this.#network.later(() => calls.closed('reset'));
    this.#connections.clear();
  }

  revive(): void {
    this.#hub = this.#makeHub();
    this.#unsubscribe = this.#listen();
    this.#isUp = true;
  }

  connect(calls: ConnectionCalls): LinkConnection {
    const network = this.#network;
    if (!this.#isUp) {
      network.later(() => calls.closed('refused'));
      return { send: () => undefined, close: () => undefined };
    }
    const id = channelId(this.#next++);
    const hub = this.#hub;
    let isOpen = true;
    this.#connections.set(id, {
      frame: (bytes) => isOpen && network.pass('down') && calls.frame(bytes),
      closed: (why) => {
        if (isOpen) calls.closed(why);
        isOpen = false;
      },
    });
    network.later(() => {
      hub.handleOpened(id, 'test', undefined, network.moment());
      this.carryOut(hub);
    });
    return {
      send: (frames) => {
        for (const frame of frames)
          network.later(() => {
            if (!isOpen || hub !== this.#hub || this.deaf || this.isMute) return;
            if (!network.pass('up')) return this.cut(id);
            hub.handleFrame(id, frame.slice(), network.moment());
            this.carryOut(hub);
          });
      },
      close: () => {
        isOpen = false;
        network.later(() => {
          hub.handleClosed(id);
          this.carryOut(hub);
        });
      },
    };
  }

  /** Both ends find the connection broken. */
  cut(id: number): void {
    const calls = this.#connections.get(id);
    this.#connections.delete(id);
    this.#network.later(() => calls?.closed('cut'));
    this.#hub.handleClosed(channelId(id));
  }

  cutAll(): void {
    for (const id of [...this.#connections.keys()]) this.cut(id);
  }

  tick(): void {
    if (!this.#isUp) return;
    this.#hub.tick(this.#network.moment());
    while (this.#hub.work(this.#network.moment())) this.carryOut(this.#hub);
    this.carryOut(this.#hub);
  }

  carryOut(hub: Hub): void {
    for (const effect of hub.takeEffects()) this.#carryOutOne(hub, effect);
  }

  #carryOutOne(hub: Hub, effect: HubEffect): void {
    const { later } = this.#network;
    switch (effect.kind) {
      case 'send': {
        const { channel, frame } = effect;
        return later(() => {
          const calls = this.#connections.get(channel);
          if (calls && this.#network.loses('down')) return this.cut(channel);
          if (!this.isMute) calls?.frame(frame.slice());
        });
      }
      case 'close': {
        const { channel, reason } = effect;
        return later(() => {
          this.#connections.get(channel)?.closed(reason);
          this.#connections.delete(channel);
        });
      }
      case 'run': {
        let failure: unknown;
        try {
          const { actor, action, detail, command } = effect;
          this.ground.store.runNow(actor, action, (draft) => command(draft, this.ground.tools), detail);
        } catch (error) {
          failure = error;
        }
        effect.settled(failure, this.#network.moment());
        return this.carryOut(hub);
      }
      case 'share':
      case 'log':
        return;
    }
  }

  #makeHub(): Hub {
    const random = seededRandom(`hub ${this.#network.now}`);
    return new Hub({ state: this.ground.store.state, provider: nodeProvider, random });
  }

  #listen(): () => void {
    return this.ground.store.onChanges((changes) => {
      this.#hub.handleChanges(changes, this.#network.moment());
      this.carryOut(this.#hub);
    });
  }
}

/** Servers and machines with one made-up time. */
export class Network {
  now: Millis = millis(1_000_000);
  readonly servers = new Map<string, SimServer>();
  readonly machines: SimMachine[] = [];
  /** connections that were asked for */
  attempts = 0;
  /** connections that are broken at their n-th frame of a direction from now on; then nothing more is */
  breakAt: { readonly direction: 'up' | 'down'; count: number } | undefined;
  readonly later = (act: () => void): void => void this.#queue.push(act);
  #queue: (() => void)[] = [];
  readonly #start = this.now;

  server(address = 'server.test:1', ground: World = world()): SimServer {
    const made = new SimServer(this, address, ground);
    this.servers.set(address, made);
    return made;
  }

  machine(): SimMachine {
    const made = new SimMachine(this);
    this.machines.push(made);
    return made;
  }

  /** Unix seconds, as everybody but a machine with a wrong clock has them. */
  time(): UnixSeconds {
    return unixSeconds(1_800_014_400 + (this.now - this.#start) / 1000);
  }

  moment() {
    return { now: this.now, time: unixSeconds(Math.floor(this.time())) };
  }

  open(address: string, calls: ConnectionCalls): LinkConnection {
    this.attempts++;
    const server = this.servers.get(address);
    if (server) return server.connect(calls);
    this.later(() => calls.closed('no such host'));
    return { send: () => undefined, close: () => undefined };
  }

  loses(direction: 'up' | 'down'): boolean {
    const { breakAt } = this;
    if (breakAt?.direction !== direction || --breakAt.count > 0) return false;
    this.breakAt = undefined;
    return true;
  }

  pass(direction: 'up' | 'down'): boolean {
    return direction === 'down' || !this.loses(direction);
  }

  /** Lets seconds pass, in small steps; long times in larger ones. */
  async run(seconds: number, step = STEP): Promise<void> {
    const end = this.now + seconds * 1000;
    while (this.now < end) {
      this.now = millis(Math.min(end, this.now + step));
      for (const { ground } of this.servers.values()) ground.now = Math.floor(this.time());
      for (const server of this.servers.values()) server.tick();
      for (const machine of this.machines) machine.tick();
      await this.settle();
    }
  }

  async settle(): Promise<void> {
    for (let round = 0; round < 3; round++) {
      while (this.#queue.length > 0) this.#queue.shift()?.();
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  end(): void {
    for (const machine of this.machines) {
      machine.die();
      machine.remove();
    }
  }
}
