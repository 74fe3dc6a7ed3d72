import { randomBytes } from 'node:crypto';
import type { Server } from 'node:net';
import type { ControlRequest } from '../api/control.ts';
import type { HealthLine, StatusAnswer } from '../api/status.ts';
import { type Millis, millis, unixSeconds } from '../base/brands.ts';
import { GscipError } from '../base/errors.ts';
import type { Logger } from '../base/log.ts';
import { pathAddress } from '../base/path-address.ts';
import { nodeProvider } from '../crypto/node-provider.ts';
import { configureInterface, refuseOverlap } from '../tun/interface.ts';
import type { Prefix } from '../tun/prefix.ts';
import type { AgentConfig } from './agent-config.ts';
import { explainAnswer, groupAnswers, peerAnswer, pitEntryAnswer } from './answers.ts';
import { type ImportedBundle, importBundle } from './bundle-import.ts';
import { BundleKeys } from './bundle-keys.ts';
import { bootMillis, ClockWatch } from './clock-watch.ts';
import { type ControlReply, listenControl } from './control-socket.ts';
import { carryOut } from './effects.ts';
import { Engine } from './engine.ts';
import { metricsText } from './metrics.ts';
import { openIo } from './open-io.ts';
import type { PacketIo } from './packet-io.ts';
import { Pings } from './pings.ts';
import { PitWatchers } from './pit-watchers.ts';
import { RateMeter } from './rate-meter.ts';
import { StateDir } from './state-dir.ts';

const BUSY_TICK = 10;
const IDLE_TICK = 500;

/** The running node: opens the devices, joins them with the engine, answers the control socket, and undoes it all. */
export class Agent {
  readonly #config: AgentConfig;
  readonly #log: Logger;
  readonly #state: StateDir;
  readonly #keys: BundleKeys;
  readonly #engine: Engine;
  readonly #io: PacketIo;
  readonly #pings: Pings;
  readonly #watchers: PitWatchers;
  readonly #rates = new RateMeter();
  readonly #clock: ClockWatch;
  readonly #traces = new Set<ControlReply>();
  readonly #startedAt = performance.now();
  #imported: ImportedBundle;
  #control: Server | undefined;
  #timer: NodeJS.Timeout | undefined;
  #tickIsBusy = false;
  #stopping: Promise<void> | undefined;
  #stopped: () => void = () => undefined;
  /** settles when the agent has stopped */
  readonly done: Promise<void>;

  private constructor(config: AgentConfig, log: Logger, state: StateDir, imported: ImportedBundle, io: PacketIo) {
    this.#config = config;
    this.#log = log;
    this.#state = state;
    this.#imported = imported;
    this.#io = io;
    this.done = new Promise((resolve) => {
      this.#stopped = resolve;
    });
    const kept = state.kept();
    const random = (length: number) => randomBytes(length);
    const { provider } = io;
    const deps = { provider, random, wall: wallClock, persisted: kept?.keys };
    this.#keys = new BundleKeys(imported.verified, deps, now());
    this.#engine = new Engine({
      primitives: io.primitives,
      provider,
      random,
      keys: this.#keys,
      settings: engineSettings(config, this.#keys),
    });
    this.#pings = new Pings({ challenge: (peer, token) => this.#challenge(peer, token), random });
    this.#watchers = new PitWatchers(this.#engine, now);
    this.#clock = new ClockWatch(clockSample());
    this.#hintPaths(kept?.paths ?? {});
  }

  /** Starts everything or nothing: what fails leaves no device, socket or file behind. */
  static async start(config: AgentConfig, log: Logger): Promise<Agent> {
    const state = new StateDir(config.state);
    const kept = state.kept();
    const imported = importBundle(state, config.bundle, kept, nodeProvider, wallClock());
    await refuseOverlap(poolOf(imported), config.tun);
    const agentHolder: { engine?: Engine } = {};
    const io = await openIo({
      tun: config.tun,
      listen: config.listen,
      destinations: (path) =>
        [...(agentHolder.engine?.node.paths.peers() ?? [])].find(({ slot }) => slot === path)?.current,
    });
    try {
      const agent = new Agent(config, log, state, imported, io);
      agentHolder.engine = agent.#engine;
      await agent.#goLive();
      return agent;
    } catch (error) {
      io.stop();
      throw error;
    }
  }

  /** Reads the bundle again: newer keys are taken, live flows move to them without loss (protocol.md 10.2). */
  reload(): { readonly bundleNumber: number; readonly changes: number } {
    const imported = importBundle(this.#state, this.#config.bundle, this.#state.kept(), nodeProvider, wallClock());
    const changes = this.#keys.reload(imported.verified, now());
    this.#imported = imported;
    this.#keep();
    for (const change of changes) this.#engine.handleKeyChange(change, now());
    this.#afterBatch();
    this.#log.log('info', 'bundle-read', { number: this.#keys.bundleNumber() });
    return {
      bundleNumber: this.#keys.bundleNumber(),
      changes: changes.filter(({ effects }) => effects.length > 0).length,
    };
  }

  /** Orderly end: peers are told, and interface, addresses, routes and socket are gone when it settles. */
  stop(reason: string): Promise<void> {
    this.#stopping ??= this.#stop(reason);
    return this.#stopping;
  }

  async #goLive(): Promise<void> {
    const { tun, mtu } = this.#config;
    const { addresses } = this.#keys.self();
    await configureInterface({ name: tun, mtu, addresses, routes: poolOf(this.#imported) });
    this.#control = await listenControl(this.#config.socket, (request, reply) => this.#answer(request, reply));
    this.#keep();
    this.#io.start({
      outgoing: (arena, view, packets, count) => this.#engine.handleOutgoing(arena, view, packets, count, now()),
      incoming: (arena, view, messages, records, runs, count) =>
        this.#engine.handleIncoming(arena, view, messages, records, runs, count, now()),
      afterBatch: () => this.#afterBatch(),
    });
    this.#arm();
    const { port } = this.#io.facts().udp;
    this.#log.log('info', 'up', { node: this.#keys.self().name, network: this.#keys.network(), interface: tun, port });
  }

  async #stop(reason: string): Promise<void> {
    clearTimeout(this.#timer);
    this.#engine.shutDown(now());
    this.#afterBatch();
    this.#keep();
    this.#io.stop();
    this.#keys.wipe();
    for (const reply of this.#traces) reply.end();
    this.#watchers.stop();
    // not waited for: it settles when the last client has gone, and one of them may wait for this very end
    this.#control?.close();
    this.#log.log('info', 'down', { reason });
    this.#stopped();
  }

  #afterBatch(): void {
    const effects = this.#engine.takeEffects();
    if (effects.length > 0) {
      carryOut(effects, {
        io: this.#io,
        log: this.#log,
        persist: () => this.#keep(),
        refresh: (what) => this.#log.log('warn', 'newer-keys-wanted', { what, remedy: 'read a newer bundle' }),
        pathResponse: ({ token, path }) => this.#pings.handleResponse(token, path),
        trace: (trace) => {
          for (const reply of this.#traces) reply.send({ schema: 1, ...trace });
        },
        sendFailed: () => this.#engine.node.counters.add('send-failed'),
      });
      if (this.#engine.node.effects.length > 0) this.#afterBatch();
    }
    if (!this.#tickIsBusy && this.#engine.isBusy()) this.#arm();
  }

  #arm(): void {
    clearTimeout(this.#timer);
    this.#tickIsBusy = this.#engine.isBusy();
    this.#timer = setTimeout(() => this.#tick(), this.#tickIsBusy ? BUSY_TICK : IDLE_TICK);
  }

  #tick(): void {
    const jump = this.#clock.handleSample(clockSample());
    if (jump !== undefined) {
      this.#log.log('warn', 'clock-jump', { kind: jump });
      this.#engine.handleClockJump(now());
    }
    this.#engine.tick(now());
    this.#rates.sample(this.#engine, performance.now());
    this.#afterBatch();
    if (this.#stopping === undefined) this.#arm();
  }

  /** Everything that must survive a restart, written before it matters (protocol.md 10.5 V1). */
  #keep(): void {
    this.#state.writeBundle(this.#imported.bytes);
    const paths: Record<string, string> = {};
    for (const { peer, current } of this.#engine.node.paths.peers()) if (current !== undefined) paths[peer] = current;
    const { admin } = this.#imported;
    const bundleNumber = this.#keys.bundleNumber();
    this.#state.writeKept({ admin, bundleNumber, keys: this.#keys.persistent(), paths });
  }

  /** Configured endpoints are tried first, then where the peer was in the last run. */
  #hintPaths(kept: Readonly<Record<string, string>>): void {
    const { directory, paths } = this.#engine.node;
    for (const member of directory.others()) {
      const last = kept[member.id];
      if (last !== undefined) paths.hint(member.id, pathAddress(last));
      const configured = this.#config.peers.get(member.name);
      if (configured) paths.hint(member.id, configured);
    }
    for (const name of this.#config.peers.keys())
      if (!directory.find(name))
        throw new GscipError(
          'unknown-peer',
          `--peer names "${name}", but no node of this network is called so`,
          `known are: ${
            directory
              .others()
              .map((member) => member.name)
              .join(', ') || 'none'
          }`,
        );
  }

  #challenge(peer: Parameters<Engine['ping']>[0], token: Uint8Array): boolean {
    const sent = this.#engine.ping(peer, token, now());
    this.#afterBatch();
    return sent;
  }

  async #answer(request: ControlRequest, reply: ControlReply): Promise<object | undefined> {
    switch (request.verb) {
      case 'status':
        return this.#status();
      case 'pit-list':
        return this.#pitList(request.limit);
      case 'pit-watch':
        return this.#watchers.add(reply);
      case 'pit-flush': {
        const flushed = this.#engine.flush(request.sas, now());
        this.#afterBatch();
        return { schema: 1, ...flushed };
      }
      case 'explain':
        return explainAnswer(this.#engine, request.flow);
      case 'ping':
        return this.#pings.ping(this.#target(request.target), request.count, request.timeoutMs);
      case 'wait':
        return this.#wait(request.peer, request.timeoutMs);
      case 'metrics':
        return { schema: 1, text: metricsText(this.#engine, this.#io, this.#uptime()) };
      case 'key-reload':
        return { schema: 1, ...this.reload() };
      case 'trace':
        this.#traces.add(reply);
        reply.onClose(() => this.#traces.delete(reply));
        return reply.closed;
      case 'down':
        setImmediate(() => void this.stop('asked by gscip down'));
        reply.send({ schema: 1, stopped: true });
        return this.done.then(() => undefined);
    }
  }

  #target(text: string) {
    const member = this.#engine.node.directory.find(text);
    if (!member || member.id === this.#keys.self().id)
      throw new GscipError('unknown-peer', `no peer is called "${text}"`, '"gscip status" lists the peers');
    return { id: member.id, name: member.name, address: member.addresses[0] ?? '' };
  }

  async #wait(peer: string | undefined, timeoutMs: number): Promise<object> {
    if (peer === undefined) return { schema: 1, ready: true };
    const answer = await this.#pings.ping(this.#target(peer), 1, timeoutMs);
    if (answer.replies.length > 0) return { schema: 1, ready: true, peer };
    throw new GscipError('no-answer', `"${peer}" did not answer within ${timeoutMs / 1000} s`, 'see "gscip status"');
  }

  #pitList(limit: number): object {
    const { pit } = this.#engine.node;
    const entries: object[] = [];
    for (let entry = pit.entries.inUseFrom(0); entry >= 0; entry = pit.entries.inUseFrom(entry + 1)) {
      if (entries.length >= limit) break;
      entries.push(pitEntryAnswer(this.#engine, entry, now()));
    }
    return { schema: 1, entries, total: pit.entries.live };
  }

  #status(): StatusAnswer {
    const engine = this.#engine;
    const self = this.#keys.self();
    const { tun, udp, primitives, fallbacks } = this.#io.facts();
    const { address } = this.#config.listen;
    return {
      schema: 1,
      node: {
        name: self.name,
        id: self.id,
        type: self.type,
        mode: self.mode,
        addresses: self.addresses,
        network: this.#keys.network(),
        listen:
          address === undefined
            ? `*:${udp.port}`
            : address.includes(':')
              ? `[${address}]:${udp.port}`
              : `${address}:${udp.port}`,
        interface: tun.name,
        mtu: this.#config.mtu,
        uptimeSeconds: this.#uptime(),
      },
      groups: groupAnswers(engine),
      peers: engine.node.directory
        .others()
        .map((member) => peerAnswer(engine, member, this.#rates.of(member.id), now())),
      server: { url: null, lastContactSeconds: null },
      dataPath: { primitives, tun, udp: { gso: udp.gso, gro: udp.gro }, workers: 0, fallbacks },
      pit: {
        entries: engine.node.pit.entries.live,
        capacity: this.#config.flows,
        heldPackets: engine.node.held.packets,
      },
      health: this.#health(fallbacks),
    };
  }

  #health(fallbacks: readonly string[]): HealthLine[] {
    const lines: HealthLine[] = [];
    if (this.#keys.self().mode === 'cl')
      lines.push({
        code: 'closed-not-enforced',
        text: 'this node is closed, but the kernel does not yet stop clear text outside the overlay; use a firewall',
      });
    for (const fallback of fallbacks)
      lines.push({ code: 'slow-path', text: `${fallback}: packets are moved without this offload, more slowly` });
    for (const { name, state } of groupAnswers(this.#engine))
      if (state !== 'current')
        lines.push({ code: 'group-stopped', text: `group ${name}: ${state}; read a newer bundle` });
    const left = this.#keys.identity().caPart.notAfter - wallClock();
    if (left < 30 * 86_400)
      lines.push({
        code: 'certificate-ends',
        text: `this node's certificate ends in ${Math.floor(left / 86_400)} days; read a newer bundle`,
      });
    return lines;
  }

  #uptime(): number {
    return (performance.now() - this.#startedAt) / 1000;
  }
}

function now(): Millis {
  return millis(performance.now());
}

function wallClock() {
  return unixSeconds(Date.now() / 1000);
}

function clockSample() {
  return { monotonic: performance.now(), boot: bootMillis(), wall: Date.now() };
}

function poolOf({ verified }: ImportedBundle): Prefix[] {
  return verified.bundle.pool.map(({ family, address, length }) => ({
    family,
    address: family === 4 ? address.subarray(12) : address,
    length,
  }));
}

function engineSettings(config: AgentConfig, keys: BundleKeys) {
  const { type, mode } = keys.self();
  return {
    type: type === 'gen' || type === 'gea' ? type : 'ges',
    mode: mode === 'cl' ? 'cl' : 'op',
    suites: [1, 2],
    lanes: 1,
    mtu: config.mtu,
    noGms: true,
    lifetime: 600,
    pitCapacity: config.flows,
    pitLimits: { entriesPerPeer: config.flowsPerPeer, newPerSecond: config.newFlowsPerSecond },
    windowBits: 65_536,
  } as const;
}
