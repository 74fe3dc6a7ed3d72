import type { ReloadAnswer } from '../api/questions.ts';
import type { RereadAnswer } from '../api/settings.ts';
import type { HealthLine } from '../api/status.ts';
import { wipe } from '../base/bytes.ts';
import type { Hedge } from '../dprp/ephemeral.ts';
import { refuseOverlap } from '../tun/interface.ts';
import { AgentAnswers } from './agent-answers.ts';
import type { AgentConfig } from './agent-config.ts';
import { changedGroups, groupAnswers } from './answers.ts';
import { importBundle } from './bundle-import.ts';
import { BundleKeys } from './bundle-keys.ts';
import { Capture, type CapturedIo } from './capture.ts';
import { ClockWatch } from './clock-watch.ts';
import { clockSample, now, wallClock } from './clocks.ts';
import { ControlSocket } from './control-socket.ts';
import { carryOut } from './effects.ts';
import { Engine } from './engine.ts';
import { engineSettings, rehearsalSettings } from './engine-settings.ts';
import { FirstPaths } from './first-paths.ts';
import { servicesOf } from './gateway/way-out.ts';
import { type Given, givenOf } from './given.ts';
import { type Beside, NOTHING_BESIDE, refusedBundleLine } from './health.ts';
import { encodeHedge, nextHedge } from './hedge-file.ts';
import { HostSide } from './host-side.ts';
import { inTurn } from './in-turn.ts';
import {
  type KeySource,
  linkedNode,
  poolOf,
  refreshKeys,
  sourceHealth,
  sourceStatus,
  tellEndpoints,
} from './key-source.ts';
import type { KeyChange } from './key-store.ts';
import { whatStays } from './lock/lock.ts';
import { MetricsPort } from './metrics-port.ts';
import { nodeMemory } from './node-memory.ts';
import { statusAnswer } from './node-status.ts';
import { openIo } from './open-io.ts';
import type { PacketIo } from './packet-io.ts';
import { packetPolicy } from './packet-policy.ts';
import { RandomPool } from './random-pool.ts';
import { RateMeter } from './rate-meter.ts';
import { selfTest } from './self-test.ts';
import { liveSettings, type NodeLog, reloadAll } from './settings/live-settings.ts';
import type { Settings } from './settings/settings.ts';
import type { StateDir } from './state-dir.ts';
import { StateKeeper } from './state-keeper.ts';
import { TickTimer } from './tick-timer.ts';
import { Underlay } from './underlay.ts';
import { startWarmUp, type WarmUp } from './warm-up.ts';

const BUSY_TICK = 10;
/** How often the lease clock and the time of the last contact are kept, in milliseconds (protocol.md 10.4). */
const CLOCK_KEPT = 600_000;

/** The running node: opens the devices, joins them with the engine, answers the control socket, and undoes it all. */
export class Agent {
  readonly #config: AgentConfig;
  readonly #log: NodeLog;
  readonly #state: StateDir;
  readonly #keys: BundleKeys;
  readonly #engine: Engine;
  readonly #io: PacketIo;
  readonly #answers: AgentAnswers;
  readonly #host: HostSide;
  readonly #keeper: StateKeeper;
  readonly #underlay: Underlay;
  readonly #rates = new RateMeter();
  readonly #random = new RandomPool();
  readonly #hedge: Hedge;
  readonly #clock = new ClockWatch(clockSample());
  readonly #startedAt = performance.now();
  readonly #beside: Beside;
  readonly #firstPaths: FirstPaths;
  readonly #settings: Settings;
  readonly #capture: Capture;
  readonly #metrics: MetricsPort;
  readonly #ways: CapturedIo;
  /** a bundle file that was not taken at the start */
  #refused: readonly HealthLine[];
  #source: KeySource;
  #keptAt = performance.now();
  /** logged out: nothing is kept any more */
  #isForgotten = false;
  #control: ControlSocket | undefined;
  #warmUp: WarmUp | undefined;
  readonly #ticks = new TickTimer(() => this.#tick(), now);
  #tickIsBusy = false;
  #stopping: Promise<void> | undefined;
  readonly #stopped = Promise.withResolvers<void>();
  /** settles when the agent has stopped */
  readonly done: Promise<void> = this.#stopped.promise;

  private constructor(settings: Settings, log: NodeLog, given: Given, io: PacketIo) {
    const { state, kept, source, dial, beside } = given;
    const { config } = settings;
    this.#settings = settings;
    this.#beside = beside;
    this.#hedge = nextHedge(state.hedge(), this.#random.take);
    this.#config = config;
    this.#log = log;
    this.#state = state;
    this.#keeper = new StateKeeper(state, log, () => nodeMemory(this.#engine, this.#keys, this.#source));
    this.#source = source;
    const refused = source.kind === 'file' ? source.imported.refused : undefined;
    this.#refused = refused === undefined ? [] : [refusedBundleLine(refused)];
    this.#io = io;
    this.#firstPaths = new FirstPaths(config, kept?.paths ?? {});
    const random = this.#random.take;
    const { provider } = io;
    const deps = { provider, random, wall: wallClock, persisted: kept?.keys, ...source.deps };
    this.#keys = new BundleKeys(source.kind === 'file' ? source.imported.verified : source.keys, deps, now());
    this.#engine = new Engine({
      primitives: io.primitives,
      provider,
      random,
      keys: this.#keys,
      settings: engineSettings(config, () => this.#keys.self(), source.kind === 'file', io.facts()),
      hedge: this.#hedge,
      wallMillis: () => Date.now() + 1_000 * (this.#keys.corrected() - wallClock()),
    });
    this.#underlay = new Underlay({
      ...{ engine: this.#engine, listen: config.listen, tun: config.tun, mapsPorts: () => config.portMapping },
      ...{ random, now, log, dial: dial.connect },
      overlay: () => poolOf(this.#source),
      port: () => io.facts().udp.port,
      moved: () => this.#tellMoved(),
      afterBatch: () => this.#afterBatch(),
    });
    const overlay = () => poolOf(this.#source);
    this.#host = new HostSide({
      ...{ node: this.#engine.node, config, overlay, state, log },
      services: () => servicesOf(this.#source, dial, this.#engine.reach),
      network: () => this.#keys.network(),
    });
    this.#capture = new Capture(this.#engine);
    this.#ways = this.#capture.io(io);
    this.#answers = new AgentAnswers(this.#engine, io, {
      ...{ now, random, settings, log, capture: this.#capture, uptimeSeconds: () => this.#uptime() },
      status: () => this.#host.look().then(() => this.#status()),
      whatStays: () => whatStays(this.#host.lockState(), config.state),
      mappedBy: () => this.#underlay.status().portMapping?.by,
      reload: () => this.#reloadKeys(),
      reread: () => this.reload(),
      logout: () => this.#logout(),
      afterBatch: () => this.#afterBatch(),
      stop: (reason) => void this.stop(reason),
    });
    this.#metrics = new MetricsPort({
      config,
      log,
      source: this.#answers.metrics,
      own: () => this.#keys.self().addresses,
    });
    const parts = { engine: this.#engine, underlay: this.#underlay, host: this.#host, metrics: this.#metrics };
    settings.attach(liveSettings({ config, state, log, ...parts, firstPaths: this.#firstPaths }));
  }

  /** Starts everything or nothing: what fails, or what `end` breaks off, leaves no device, rule, name or socket behind. */
  static async start(settings: Settings, log: NodeLog, end: AbortSignal, beside = NOTHING_BESIDE): Promise<Agent> {
    const { config } = settings;
    const given = await givenOf(settings, log, end, beside);
    const { source, dial } = given;
    let agent: Agent | undefined;
    let io: PacketIo | undefined;
    try {
      await refuseOverlap(poolOf(source), config.tun);
      dial.setOverlay(poolOf(source));
      io = await openIo({
        ...{ tun: config.tun, listen: config.listen, workers: config.workers },
        destinations: (slot) => (agent ? agent.#engine.node.paths.destination(slot) : undefined),
      });
      end.throwIfAborted();
      const rehearsal = selfTest(io, rehearsalSettings(config));
      const made = new Agent(settings, log, given, io);
      agent = made;
      await made.#goLive(end);
      if (config.warmUp) made.#warmUp = startWarmUp(rehearsal, io);
      else rehearsal.close();
      return made;
    } catch (error) {
      if (source.kind === 'server') source.linked.stop();
      await (agent ? agent.#undo() : io?.stop());
      throw error;
    }
  }

  /** Reads the file of settings again, then keys; see `gscip reload`. */
  reload(): Promise<RereadAnswer> {
    return reloadAll(this.#settings, this.#state.configPath, this.#log, () => this.#reloadKeys());
  }

  /** Reads the bundle again, or asks the server: newer keys are taken, live flows move to them without loss (protocol.md 10.2). */
  async #reloadKeys(): Promise<ReloadAnswer> {
    const before = groupAnswers(this.#engine);
    if (this.#source.kind === 'server') await this.#source.linked.reload();
    else await this.#readAgain();
    const number = this.#keys.bundleNumber();
    return { schema: 1, bundleNumber: number, changes: changedGroups(before, groupAnswers(this.#engine)) };
  }

  /** Orderly end: peers are told, and interface, addresses, routes and socket are gone when it settles. */
  stop(reason: string): Promise<void> {
    this.#stopping ??= this.#stop(reason);
    return this.#stopping;
  }

  async #readAgain(): Promise<void> {
    const { provider } = this.#io;
    const imported = importBundle(this.#state, this.#config.bundle, this.#state.kept(), provider, wallClock());
    const changes = this.#keys.reload(imported.verified, now());
    this.#source = { kind: 'file', imported, deps: {} };
    this.#refused = [];
    await this.#takeUp(changes);
  }

  /** Keys changed: they are kept before anything is sent under them (V1), then the engine goes on with them. */
  async #takeUp(changes: readonly KeyChange[]): Promise<void> {
    await this.#keep();
    for (const change of changes) this.#engine.handleKeyChange(change, now());
    if (changes.length === 0) this.#engine.handleNewKeys(now());
    this.#firstPaths.hint(this.#engine.node);
    void this.#host.follow();
    this.#tellEndpoints(); // an address in a network that is behind this node now must not be told any more
    this.#afterBatch();
    this.#log.log('info', 'bundle-read', { number: this.#keys.bundleNumber() });
  }

  /** From here on the server's news reach the engine. */
  #attach(): void {
    if (this.#source.kind === 'file') return;
    const { linked, isFirst } = this.#source;
    linked.attach(this.#keys, {
      changed: (changes) => this.#takeUp(changes),
      endpoints: ({ id, endpoints }) => {
        this.#engine.handleEndpoints(id, endpoints);
        this.#keeper.soon(now());
        void this.#host.follow();
      },
      services: (coordinators) => this.#underlay.setCoordinators(coordinators),
      lost: (wasReady) => this.#underlay.handleServerLost(wasReady),
      keep: () => void Promise.all([this.#keep(), this.#host.followMode()]),
    });
    this.#tellEndpoints();
    if (!isFirst) linked.start();
  }

  #tellEndpoints(): void {
    const { port } = this.#io.facts().udp;
    tellEndpoints(this.#source, port, this.#config.tun, this.#engine);
  }

  /** The server is told by the connection that outlived the change, or by the next one. */
  #tellMoved(): void {
    this.#tellEndpoints();
    if (this.#source.kind === 'server') this.#source.linked.networkChanged();
  }

  async #logout(): Promise<void> {
    const linked = linkedNode(this.#source);
    this.#isForgotten = true;
    await linked.logout();
  }

  async #goLive(end: AbortSignal): Promise<void> {
    const { tun, mtu, socket, given, peers } = this.#config;
    if (given.has('peer')) this.#firstPaths.refuseMistaken(this.#engine.node, peers);
    this.#firstPaths.hint(this.#engine.node);
    const { addresses } = this.#keys.self();
    await inTurn(end, [
      () => this.#host.open(),
      () => this.#host.configure({ name: tun, mtu, addresses, routes: poolOf(this.#source) }),
      () => this.#host.follow(),
      async () => {
        this.#control = await ControlSocket.listen(socket, (asked, reply) => this.#answers.answer(asked, reply));
      },
      () => this.#metrics.open(),
    ]);
    this.#attach();
    this.#keeper.write();
    if (this.#source.kind === 'server' && this.#source.isFirst) this.#source.linked.handleFirstTaken();
    this.#state.writeHedge(encodeHedge(this.#hedge));
    this.#state.writeConfig(this.#settings.text);
    this.#io.start(this.#capture.policy(packetPolicy(this.#engine, () => this.#afterBatch())));
    this.#firstPaths.greet(this.#engine.node, (peer) => this.#engine.ping(peer, this.#random.take(8), now()));
    this.#afterBatch();
    this.#arm();
    const { port } = this.#io.facts().udp;
    this.#log.log('info', 'up', { node: this.#keys.self().name, network: this.#keys.network(), interface: tun, port });
    for (const { code, text } of this.#setAside()) this.#log.log('warn', code, { text });
  }

  async #stop(reason: string): Promise<void> {
    this.#ticks.stop();
    this.#warmUp?.stop();
    this.#engine.shutDown(now());
    this.#afterBatch();
    if (this.#source.kind === 'server') this.#source.linked.stop();
    await this.#keep();
    if (this.#isForgotten) this.#state.forget();
    await this.#undo();
    this.#log.log('info', 'down', { reason });
    this.#stopped.resolve();
  }

  /** Takes back what was done to the machine, all of it or as far as it had come. */
  async #undo(): Promise<void> {
    await this.#metrics.close();
    await this.#io.stop();
    this.#keys.wipe();
    wipe(this.#hedge.key);
    if (this.#source.kind === 'server') this.#source.linked.wipe();
    await this.#host.close(this.#isForgotten);
    await this.#underlay.close();
    this.#answers.stop();
    await this.#control?.close();
  }

  #afterBatch(): void {
    const effects = this.#engine.takeEffects();
    if (effects.length > 0) {
      carryOut(effects, {
        io: this.#ways,
        log: this.#log,
        persist: () => {
          void this.#keep();
          void this.#host.follow();
        },
        refresh: (what) => refreshKeys(this.#source, what, this.#log),
        pathResponse: (response) => this.#answers.handlePathResponse(response),
        trace: (trace) => this.#answers.handleTrace(trace),
        tunnels: this.#underlay.tunnels,
        sendSpare: (bytes, to) => this.#underlay.sendSpare(bytes, to),
        placed: () => this.#tellEndpoints(),
        sendFailed: () => this.#engine.node.counters.add('send-failed'),
      });
      if (this.#engine.node.effects.length > 0) this.#afterBatch();
    }
    if (this.#engine.reach.takeStir() || (!this.#tickIsBusy && this.#engine.isBusy())) this.#arm();
  }

  #arm(): void {
    this.#tickIsBusy = this.#engine.isBusy();
    this.#ticks.within(Math.max(BUSY_TICK, this.#engine.delay(now())));
  }

  #tick(): void {
    const jump = this.#clock.handleSample(clockSample());
    if (jump !== undefined) {
      this.#log.log('warn', 'clock-jump', { kind: jump });
      this.#engine.handleClockJump(now());
      if (jump === 'slept') this.#underlay.handleWake();
    }
    this.#engine.tick(now());
    this.#random.refill();
    this.#host.tick(performance.now());
    this.#metrics.tick(performance.now());
    this.#keeper.tick(now());
    if (performance.now() - this.#keptAt > CLOCK_KEPT) void this.#keep();
    this.#rates.sample(this.#engine, performance.now());
    this.#afterBatch();
    this.#arm();
  }

  #keep(): Promise<void> {
    this.#keptAt = performance.now();
    return this.#keeper.keep(now());
  }

  #setAside(): HealthLine[] {
    return [
      ...this.#refused,
      ...this.#beside.health(),
      ...sourceHealth(this.#source, this.#keys),
      ...this.#firstPaths.health(),
      ...this.#metrics.health(),
    ];
  }

  #status() {
    const parts = {
      ...{ config: this.#config, engine: this.#engine, io: this.#io, rates: this.#rates },
      ...{ network: this.#keys.network(), uptimeSeconds: this.#uptime() },
      server: sourceStatus(this.#source, this.#keys),
      certificateLeft: this.#keys.identity().caPart.notAfter - wallClock(),
      setAside: [...this.#setAside(), ...this.#host.health()],
      ...{ notKept: this.#keeper.trouble, underlay: this.#underlay.status() },
      host: this.#host.status(now()),
    };
    return statusAnswer(parts, now());
  }

  #uptime(): number {
    return (performance.now() - this.#startedAt) / 1000;
  }
}
