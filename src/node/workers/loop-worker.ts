// Program of a worker thread: one queue of the TUN device and one socket, or the socket alone.
import { parentPort, workerData } from 'node:worker_threads';
import { millis } from '../../base/brands.ts';
import { GscipError } from '../../base/errors.ts';
import { MESSAGE, PACKET, RECORD_ROW, RUN } from '../../base/primitives.ts';
import { UDP_MESSAGE_STRIDE, usedAddon } from '../../native/addon.ts';
import { FlowTally } from '../../pit/flow-tally.ts';
import { BATCHES, MESSAGE_ROWS, MESSAGES, RECORDS, TUN_ARENA, TUN_BATCH, tunIsEmpty } from '../batch-sizes.ts';
import { FastPath } from './fast-path.ts';
import { HandOver } from './hand-over.ts';
import { type LoopTask, machineMillis } from './loop-task.ts';
import { RingWriter } from './ring.ts';

const task: LoopTask = workerData;
const loaded = usedAddon();
if (typeof loaded === 'string') throw new GscipError('no-addon', loaded);
const addon = loaded;
const { tun, udp, wake } = task;
const ring = new RingWriter(task.ring);
const path = new FastPath(task.node, task.loops, new FlowTally(task.tally), new HandOver(ring), task.stats);
const counters = addon.counters();
const shift = machineMillis() - task.clock - performance.now();

const tunArena = new Uint8Array(TUN_ARENA);
const tunView = new DataView(tunArena.buffer);
const packets = new Int32Array(TUN_BATCH * PACKET.stride);
const udpArena = new Uint8Array(MESSAGES * UDP_MESSAGE_STRIDE);
const udpView = new DataView(udpArena.buffer);
const messages = new Int32Array(MESSAGE_ROWS * MESSAGE.stride);
const records = new Int32Array(RECORDS * RECORD_ROW.stride);
const runs = new Int32Array(RECORDS * RUN.stride);

function now() {
  return millis(performance.now() + shift);
}

function endBatch(): void {
  if (ring.publish()) addon.wake(wake);
  task.counters.set(counters);
}

function drainTun(): void {
  for (let batch = 0; batch < BATCHES; batch++) {
    const count = addon.tunReadBatch(tun.fd, tun.vnet, tunArena, packets, TUN_BATCH);
    if (count <= 0) return;
    path.outgoing(tunArena, tunView, packets, count, now());
    addon.sealAndSend(udp, tunArena, packets, count);
    endBatch();
    if (tunIsEmpty(packets, count)) return;
  }
}

function drainUdp(): void {
  for (let batch = 0; batch < BATCHES; batch++) {
    const count = addon.udpReceiveBatch(udp, udpArena, messages, MESSAGES);
    if (count <= 0) return;
    const kept = path.messages(udpArena, udpView, messages, count);
    const opened = addon.openBatch(udpArena, messages, kept, records, runs);
    path.incoming(udpArena, udpView, messages, records, runs, opened, now());
    addon.deliver(tun.fd, tun.vnet, udpArena, records, runs, opened);
    endBatch();
    if (count < MESSAGES) return;
  }
}

function watch(fd: number, drain: () => void): void {
  const handle = addon.pollStart(fd, (error) => {
    if (error !== '') throw new GscipError('packet-io', `the packet path was cut off: ${error}`);
    drain();
  });
  if (typeof handle === 'string') throw new GscipError('packet-io', `cannot watch the packet path: ${handle}`);
}

if (task.readsTun) watch(tun.fd, drainTun);
watch(udp, drainUdp);
parentPort?.postMessage('ready');
