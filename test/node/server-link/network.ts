import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { encodeJoinToken } from '../../../src/api/join-token.ts';
import { type Millis, millis, type UnixSeconds, unixSeconds } from '../../../src/base/brands.ts';
import { toHex } from '../../../src/base/bytes.ts';
import type { LogFields } from '../../../src/base/log.ts';
import { asFingerprint } from '../../../src/crypto/enrolment.ts';
import { nodeProvider } from '../../../src/crypto/node-provider.ts';
import { resolveConfig, type WrittenConfig } from '../../../src/node/agent-config.ts';
import { BundleKeys } from '../../../src/node/bundle-keys.ts';
import type { KeyChange } from '../../../src/node/key-store.ts';
import type { ConnectionCalls, LinkConnection } from '../../../src/node/server-link/link-shell.ts';
import { LinkedNode } from '../../../src/node/server-link/linked-node.ts';
import type { MachineKeys } from '../../../src/node/server-link/sealer.ts';
import { serverHealth } from '../../../src/node/server-link/server-status.ts';
import { StateDir } from '../../../src/node/state-dir.ts';
import { Hub } from '../../../src/server/gms/hub.ts';
import { channelId, type HubEffect } from '../../../src/server/gms/hub-effects.ts';
import { serverKeys } from '../../../src/server/gms/server-keys.ts';
import { createToken, type TokenRequest } from '../../../src/server/network/commands/tokens.ts';
import { settingsOf } from '../../../src/server/network/settings.ts';
import { type World, world } from '../../server/network/ground.ts';
import { seededRandom } from '../seeded-random.ts';

/** A machine that seals nothing itself: the key of the folder lies in a file. */
export const NO_MACHINE_KEYS: MachineKeys = { encrypt: () => undefined, decrypt: () => undefined };
const STEP = 100;

/** One server process in memory: the rules, the hub, and connections that a test may cut. */
export class SimServer {
  readonly ground: World;
  readonly address: string;
  readonly #network: Network;
  readonly #connections = new Map<number, ConnectionCalls>();
  #hub: Hub;
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
            if (!isOpen || hub !== this.#hub) return;
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
          calls?.frame(frame.slice());
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

/** A machine with its state folder; `start` and `die` as often as a test wants. */
export class SimMachine {
  readonly folder: string;
  readonly log: { readonly event: string; readonly fields: LogFields }[] = [];
  readonly changes: KeyChange[] = [];
  readonly hints: string[] = [];
  linked: LinkedNode | undefined;
  keys: BundleKeys | undefined;
  /** why it did not start */
  failure: unknown;
  /** seconds that its clock is off */
  clockOff = 0;
  readonly #network: Network;
  #timers = new Set<Timer>();
  #life = 0;

  constructor(network: Network) {
    this.#network = network;
    this.folder = mkdtempSync(join(tmpdir(), 'gscip-link-'));
  }

  get state(): StateDir {
    return new StateDir(join(this.folder, 'state'));
  }

  wall(): UnixSeconds {
    return unixSeconds(this.#network.time() + this.clockOff);
  }

  /** Starts as the agent does: what was kept is taken up at once, else the first keys are waited for. */
  start(written: WrittenConfig = {}): void {
    const life = ++this.#life;
    this.failure = undefined;
    const random = seededRandom(`${this.folder} ${life}`);
    const kept = this.state.kept();
    const linked = new LinkedNode(
      resolveConfig({ ...written, state: this.folder }),
      this.state,
      kept?.keys.leaseClock ?? 0,
      {
        ...{ provider: nodeProvider, random, machine: NO_MACHINE_KEYS },
        ...{ wall: () => this.wall(), boot: () => this.#network.now, now: () => this.#network.now },
        every: (interval, act) => this.#every(interval, act),
        open: (address, calls) => this.#network.open(address, calls),
        log: { log: (_level, event, fields) => void this.log.push({ event, fields: fields ?? {} }) },
      },
    );
    this.linked = linked;
    const resumed = linked.resume();
    const begin = (source: ConstructorParameters<typeof BundleKeys>[0], isFirst: boolean) => {
      if (life !== this.#life) return;
      const deps = { provider: nodeProvider, random, wall: () => this.wall(), boot: () => this.#network.now };
      const own = { edSeed: linked.edSeed, longGrace: false, persisted: kept?.keys };
      this.keys = new BundleKeys(source, { ...deps, ...own }, this.#network.now);
      linked.attach(this.keys, {
        changed: async (changes) => {
          this.changes.push(...changes);
          this.#keep();
        },
        endpoints: ({ endpoints }) => void this.hints.push(...endpoints),
        keep: () => this.#keep(),
      });
      this.#keep();
      linked.setEndpoints(47_000 + life, []);
      if (isFirst) linked.handleFirstTaken();
    };
    if (resumed) begin(resumed, false);
    else
      linked.firstKeys().then(
        (bundle) => begin(bundle, true),
        (error: unknown) => {
          this.failure = error;
        },
      );
    linked.start();
  }

  /** Ends without a word: nothing more is written. */
  die(): void {
    this.#life++;
    this.#timers.clear();
    this.linked?.stop();
    this.linked = undefined;
    this.keys = undefined;
  }

  health(): string[] {
    if (!this.linked) return [];
    return serverHealth(this.linked.facts(), this.linked.corrected()).map(({ code }) => code);
  }

  /** Versions by the name of the group, newest first, with their states. */
  versions(group = 'lab'): string[] {
    const found = this.keys?.groups().find(({ roster }) => roster.name === group);
    return found?.versions.map(({ state }) => state) ?? [];
  }

  current(group = 'lab'): string | undefined {
    const found = this.keys?.groups().find(({ roster }) => roster.name === group);
    const version = found?.versions.find(({ state }) => state === 'current');
    return version?.kPsk && toHex(version.kPsk);
  }

  members(): string[] {
    return (this.keys?.members() ?? []).map(({ name }) => name).sort();
  }

  tick(): void {
    const { now } = this.#network;
    for (const timer of [...this.#timers])
      if (timer.at <= now && this.#timers.has(timer)) {
        timer.at = millis(now + timer.interval);
        timer.act();
      }
    this.keys?.tick(now, { handshake: () => false, chain: () => false });
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }

  #every(interval: number, act: () => void): () => void {
    const timer = { at: millis(this.#network.now + interval), interval, act };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }

  #keep(): void {
    if (!this.keys || !this.linked) return;
    const cache = this.linked.sealedCache();
    if (cache) this.state.writeSealed('cache', cache);
    const node = this.keys.self().id;
    const admin = toHex(this.keys.facts().admin);
    const kept = { admin, node, bundleNumber: this.keys.bundleNumber(), keys: this.keys.persistent(), paths: {} };
    this.state.writeKept(kept);
  }
}

interface Timer {
  at: Millis;
  readonly interval: number;
  readonly act: () => void;
}

/** Servers and machines with one made-up time. */
export class Network {
  now: Millis = millis(1_000_000);
  readonly servers = new Map<string, SimServer>();
  readonly machines: SimMachine[] = [];
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
