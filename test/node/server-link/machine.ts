import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Millis, millis, type UnixSeconds, unixSeconds } from '../../../src/base/brands.ts';
import { toHex } from '../../../src/base/bytes.ts';
import type { LogFields } from '../../../src/base/log.ts';
import { nodeProvider } from '../../../src/crypto/node-provider.ts';
import { resolveConfig, type WrittenConfig } from '../../../src/node/agent-config.ts';
import { BundleKeys } from '../../../src/node/bundle-keys.ts';
import type { KeyChange } from '../../../src/node/key-store.ts';
import type { ConnectionCalls, LinkConnection } from '../../../src/node/server-link/link-shell.ts';
import { LinkedNode } from '../../../src/node/server-link/linked-node.ts';
import type { MachineKeys } from '../../../src/node/server-link/sealer.ts';
import { serverHealth } from '../../../src/node/server-link/server-status.ts';
import { StateDir } from '../../../src/node/state-dir.ts';
import { seededRandom } from '../seeded-random.ts';

/** A machine that seals nothing itself: the key of the folder lies in a file. */
export const NO_MACHINE_KEYS: MachineKeys = { encrypt: () => undefined, decrypt: () => undefined };
const CLOCK_KEPT = 600_000;

/** What a machine sees of the network around it. */
export interface Surroundings {
  readonly now: Millis;
  time(): UnixSeconds;
  open(address: string, calls: ConnectionCalls): LinkConnection;
}

/** A machine with its state folder; `start` and `die` as often as a test wants. */
export class SimMachine {
  readonly folder: string;
  readonly log: { readonly event: string; readonly fields: LogFields }[] = [];
  readonly changes: KeyChange[] = [];
  readonly hints: string[] = [];
  /** times that the server was gone which had answered */
  losses = 0;
  /** tries to reach the server that failed */
  failures = 0;
  linked: LinkedNode | undefined;
  keys: BundleKeys | undefined;
  /** why it did not start */
  failure: unknown;
  /** seconds that its clock is off */
  clockOff = 0;
  /** called at each event of the log */
  onLog: ((event: string) => void) | undefined;
  /** settles when its devices are open, which it begins with once it has keys */
  devices: Promise<void> = Promise.resolve();
  readonly #network: Surroundings;
  #timers = new Set<Timer>();
  #life = 0;
  #keptAt = 0;

  constructor(network: Surroundings) {
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
        log: {
          log: (_level, event, fields) => {
            this.log.push({ event, fields: fields ?? {} });
            this.onLog?.(event);
          },
        },
      },
    );
    this.linked = linked;
    const resumed = linked.resume();
    const begin = (source: ConstructorParameters<typeof BundleKeys>[0], isFirst: boolean) => {
      if (life !== this.#life) return;
      const deps = { provider: nodeProvider, random, wall: () => this.wall(), boot: () => this.#network.now };
      const own = { edSeed: linked.edSeed, clock: linked.clock, longGrace: false, persisted: kept?.keys };
      this.keys = new BundleKeys(source, { ...deps, ...own }, this.#network.now);
      linked.attach(this.keys, {
        changed: async (changes) => {
          this.changes.push(...changes);
          this.#keep();
        },
        endpoints: ({ endpoints }) => void this.hints.push(...endpoints),
        lost: (wasReady) => void (wasReady ? this.losses++ : this.failures++),
        keep: () => this.#keep(),
      });
      this.#keep();
      linked.setEndpoints(47_000 + life, []);
      if (isFirst) linked.handleFirstTaken();
    };
    if (resumed) begin(resumed, false);
    else
      linked.firstKeys().then(
        (bundle) => this.devices.then(() => begin(bundle, true)),
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
    const found = this.keys?.groups().find(({ id }) => this.keys?.groupName(id) === group);
    return found?.versions.map(({ state }) => state) ?? [];
  }

  current(group = 'lab'): string | undefined {
    const found = this.keys?.groups().find(({ id }) => this.keys?.groupName(id) === group);
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
    const moved = this.keys?.tick(now, { handshake: () => false, chain: () => false }) ?? [];
    this.changes.push(...moved);
    // as the agent does: what became CURRENT is kept, and the clock from time to time
    if (moved.length > 0 || now - this.#keptAt >= CLOCK_KEPT) this.#keep();
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
    this.#keptAt = this.#network.now;
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
