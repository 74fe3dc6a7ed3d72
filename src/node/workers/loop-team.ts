import { Worker } from 'node:worker_threads';
import { PRIMITIVE_COUNTERS } from '../../base/primitives.ts';
import { sharedFloat64 } from '../../base/shared-arrays.ts';
import type { Addon, PollHandle, TunDevice, UdpSocket } from '../../native/addon.ts';
import { FlowTally } from '../../pit/flow-tally.ts';
import { BATCHES } from '../batch-sizes.ts';
import type { NodeState } from '../node-state.ts';
import type { PacketPolicy, WorkerFigures } from '../packet-io.ts';
import { WORKER_STATS } from './fast-path.ts';
import { type LoopTask, machineMillis } from './loop-task.ts';
import { ringMemory } from './ring.ts';
import { openGates, type SharedNode, sharedNode } from './shared-node.ts';
import { type MainDevices, SlowPath } from './slow-path.ts';

const RING_BYTES = 4 << 20;
/** Compiled it stands beside this file under another ending. */
const PROGRAM = new URL(import.meta.url.replace(/loop-team(\.[jt]s)$/, 'loop-worker$1'));

/** The devices of one worker; without a queue of its own it receives for the main thread. */
export interface WorkerDevices {
  readonly tun: TunDevice | undefined;
  readonly udp: UdpSocket | undefined;
}

/** Whom the team tells. */
export interface TeamCalls {
  /** the worker reads its devices from now on */
  ready(): void;
  /** it has ended by itself: its devices are closed, its packets go to the other loops */
  ended(why: string): void;
}

/** The workers beside the main thread: starts and ends them, and works through what they hand over. */
export class LoopTeam {
  readonly #addon: Addon;
  readonly #main: MainDevices;
  readonly #each: readonly WorkerDevices[];
  readonly #members: Member[] = [];

  constructor(addon: Addon, main: MainDevices, each: readonly WorkerDevices[]) {
    this.#addon = addon;
    this.#main = main;
    this.#each = each;
  }

  /** How many lanes this node has: only loops that send need one. */
  get lanes(): number {
    return 1 + this.#each.filter(({ tun }) => tun !== undefined).length;
  }

  /** Workers that run. */
  get size(): number {
    return this.#each.length;
  }

  figures(): readonly WorkerFigures[] {
    return this.#members.map(({ task }) => task);
  }

  start(node: NodeState, policy: PacketPolicy, calls: TeamCalls): void {
    const shared = sharedNode(node);
    if (shared === undefined) return;
    for (const devices of this.#each) {
      const tally = FlowTally.of(node.settings.pitCapacity);
      node.pit.entries.addTally(tally);
      const member = new Member(this.#addon, this.#main, devices, this.#task(shared, devices, tally));
      member.start(policy, calls);
      this.#members.push(member);
    }
  }

  async stop(): Promise<void> {
    await Promise.all(this.#members.map((member) => member.stop()));
  }

  #task(node: SharedNode, { tun, udp }: WorkerDevices, tally: FlowTally): Omit<LoopTask, 'wake'> {
    const device = tun ?? this.#main.tun;
    return {
      loops: this.lanes,
      tun: { fd: device.fd, vnet: device.vnet },
      udp: (udp ?? this.#main.udp).fd,
      readsTun: tun !== undefined,
      node,
      ring: ringMemory(RING_BYTES),
      tally: tally.memory,
      stats: sharedFloat64(WORKER_STATS.length),
      counters: sharedFloat64(PRIMITIVE_COUNTERS.length),
      clock: machineMillis() - performance.now(),
    };
  }
}

/** One worker with its ring, from its start to its end. */
class Member {
  readonly task: Omit<LoopTask, 'wake'>;
  readonly #addon: Addon;
  readonly #devices: WorkerDevices;
  readonly #slow: SlowPath;
  #worker: Worker | undefined;
  #wake: number | undefined;
  #watch: PollHandle | undefined;
  #isStopping = false;

  constructor(addon: Addon, main: MainDevices, devices: WorkerDevices, task: Omit<LoopTask, 'wake'>) {
    this.task = task;
    this.#addon = addon;
    this.#devices = devices;
    this.#slow = new SlowPath(addon, main, task.ring);
  }

  start(policy: PacketPolicy, calls: TeamCalls): void {
    const wake = this.#addon.wakeOpen();
    if (typeof wake === 'string') return this.#end(wake, calls);
    this.#wake = wake;
    const watch = this.#addon.pollStart(wake, () => this.#drain(wake, policy));
    if (typeof watch === 'string') return this.#end(watch, calls);
    this.#watch = watch;
    const task: LoopTask = { ...this.task, wake };
    const worker = new Worker(PROGRAM, { workerData: task });
    this.#worker = worker;
    let why = 'it ended';
    worker.on('message', () => calls.ready());
    worker.on('error', (error) => {
      why = error instanceof Error ? error.message : String(error);
    });
    worker.on('exit', () => {
      if (!this.#isStopping) this.#end(why, calls);
    });
  }

  /** The devices are closed only when nobody reads them any more. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    await this.#worker?.terminate();
    this.#close();
  }

  #drain(wake: number, policy: PacketPolicy): void {
    this.#addon.wakeTake(wake);
    if (this.#slow.drain(policy, BATCHES)) this.#addon.wake(wake);
  }

  #end(why: string, calls: TeamCalls): void {
    this.#close();
    calls.ended(why);
  }

  #close(): void {
    const { tun, udp } = this.#devices;
    if (this.#watch !== undefined) this.#addon.pollStop(this.#watch);
    for (const fd of [this.#wake, tun?.fd, udp?.fd]) if (fd !== undefined) this.#addon.close(fd);
    this.#watch = undefined;
    this.#wake = undefined;
  }
}

/** The policy of the main thread beside workers: what passed may be theirs as soon as everything before it has left. */
export function opening(policy: PacketPolicy, node: NodeState): PacketPolicy {
  return {
    node,
    // its functions may be exchanged at any time
    frames: (...batch) => policy.frames(...batch),
    outgoing: (...batch) => policy.outgoing(...batch),
    incoming: (...batch) => policy.incoming(...batch),
    afterBatch: () => {
      policy.afterBatch();
      openGates(node);
    },
  };
}
