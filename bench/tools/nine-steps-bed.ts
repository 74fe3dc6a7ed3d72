import { setTimeout as pause } from 'node:timers/promises';
import { type Lab, withLab } from '../../src/cli/lab/lab.ts';
import { ensureBuilt, type OverlayNode } from '../../src/cli/lab/overlay.ts';
import { ServedOverlay } from '../../src/cli/lab/served-overlay.ts';
import { until } from '../../src/cli/lab/until.ts';
import { SlowLink } from '../../test/netns/nat/slow-link.ts';
import { type Receiving, SEQ_PORT, type Sending, startReceiver, startSending } from './seq-udp.ts';

/** The nine steps of a rollover (R202 to R204), by what happens in them while traffic runs. */
export const STEPS = {
  quiet: 'no key changes: a flow of client 2 begins beside the overlay',
  delivered: '(4) the server takes a new key in the middle of the session',
  kept: '(4) 60 s later: the old key is out of grace, the session stays on it',
  told: '(5, 6, 7) client 2 begins with the old key, is told, fetches, and sends',
  renewed: '(8) client 1 begins anew with the old key, is told, fetches, and sends',
  discarded: '(8, 9) the old session is over: the server discards the old key',
} as const;
export type Step = keyof typeof STEPS;

/** What one step did to the traffic that ran during it. */
export interface StepPause {
  readonly step: Step;
  /** longest gap between arrivals, in ms: client 1 to the server, the server to client 1, client 2 to the server */
  readonly gaps: readonly number[];
}

export interface Replay {
  readonly pauses: readonly StepPause[];
  readonly sent: number;
  readonly lost: number;
  readonly doubled: number;
}

export interface ReplayOptions {
  /** ms from one node to another, in one direction */
  readonly delay: number;
  /** datagrams per second of each flow of the session */
  readonly rate: number;
  /** ms that each step is watched for */
  readonly window: number;
  /** whether to wait until the server discards the old key, half a minute after the session */
  readonly discard: boolean;
}

const GROUP = 'office';
const PORT = 47_247;
const NAMES = ['gms', 'hall', 'one', 'two'] as const;
/** How long a replaced key is still taken: before that, nobody is told that it is old. */
const GRACE_MS = 60_000;
/** On the wire. */
const HALL = '10.99.1.1';
const SIZE = 200;
/** How often a node is asked for its keys until it has fetched new ones, about. */
const LOOKS = 15;
/** Datagrams per second of a flow that begins with an old key: what waits until the new one is there is bounded (protocol.md 5.2). */
const BEGINNING = 50;

/** One flow of numbered datagrams, watched where it arrives. */
class Flow {
  readonly #receiver: Receiving;
  readonly #sender: Sending;

  private constructor(receiver: Receiving, sender: Sending) {
    this.#receiver = receiver;
    this.#sender = sender;
  }

  /** `bare`: the address on the wire itself, beside the overlay. */
  static async begin(from: OverlayNode, to: OverlayNode, rate: number, port: number, bare?: string): Promise<Flow> {
    const address = bare ?? (await to.address());
    const receiver = await startReceiver(to.namespace, address, 1, 'count', port);
    return new Flow(receiver, startSending(from.namespace, address, rate, SIZE, port));
  }

  mark(): Promise<number> {
    return this.#receiver.mark();
  }

  async end() {
    const { sent } = await this.#sender.stop();
    await pause(500); // what is under way arrives
    const { distinct, duplicates } = await this.#receiver.stop();
    return { sent, lost: sent - distinct, doubled: duplicates };
  }
}

/** Replays the steps once, with real programs over wires that take their time. */
export function replay(options: ReplayOptions): Promise<Replay> {
  ensureBuilt();
  return withLab(async (lab) => new Stage(options).play(await lay(lab, options.delay)));
}

/** Each machine on a wire of its own to one router, so that any two are `delay` apart. */
async function lay(lab: Lab, delay: number): Promise<ServedOverlay> {
  const router = lab.router('net');
  const machines = await Promise.all(
    NAMES.map(async (name, at) => {
      const namespace = lab.namespace(name);
      const near = { namespace: router, device: name, addresses: [`10.99.${at}.254/24`] };
      const wire = await SlowLink.lay(lab, near, { namespace, device: 'eth0', addresses: [`10.99.${at}.1/24`] });
      await wire.set({ delayMs: delay / 2 });
      namespace.route('default', `10.99.${at}.254`);
      return namespace;
    }),
  );
  const [office, ...others] = machines;
  if (!office) throw new Error('no machine');
  const group = { name: GROUP, roll: '', push: 'always-on', retain: 'flow' } as const;
  const more = ['--network', 'papers', '--advertise', `10.99.0.1:${PORT}`];
  const served = await ServedOverlay.start(lab, office, `10.99.0.1:${PORT}`, [group], more);
  for (const machine of others) await served.add(machine.label, machine, [GROUP]);
  return served;
}

class Stage {
  readonly #options: ReplayOptions;
  readonly #pauses: StepPause[] = [];
  #running: Flow[] = [];
  readonly #ended: { sent: number; lost: number; doubled: number }[] = [];

  constructor(options: ReplayOptions) {
    this.#options = options;
  }

  async play(served: ServedOverlay): Promise<Replay> {
    const [hall, one, two] = served.nodes;
    if (!hall || !one || !two) throw new Error('there are three nodes');
    for (const node of served.nodes) {
      node.start({ listen: `${PORT}`, warmUp: true, extra: node === hall ? ['--always-on'] : [] });
      await node.ready();
    }
    // (1, 2) a key that all have: clients fetch it when they are switched on again
    const old = await this.#roll(served, hall);
    for (const client of [one, two]) {
      await client.process?.stop();
      client.start({ listen: `${PORT}`, warmUp: true });
      await client.ready();
      await newest(client, old);
    }
    await this.#session(served, hall, one, two);
    const sum = (of: 'sent' | 'lost' | 'doubled') => this.#ended.reduce((total, each) => total + each[of], 0);
    return { pauses: this.#pauses, sent: sum('sent'), lost: sum('lost'), doubled: sum('doubled') };
  }

  async #session(served: ServedOverlay, hall: OverlayNode, one: OverlayNode, two: OverlayNode): Promise<void> {
    const { rate, window, discard } = this.#options;
    // (3)
    await one.namespace.run(['ping', '-c', '1', '-W', '9', await hall.address()]);
    this.#running = [await Flow.begin(one, hall, rate, SEQ_PORT), await Flow.begin(hall, one, rate, SEQ_PORT)];
    await pause(2_000);
    await this.#quiet(hall, two);
    let fresh = 0;
    const rolledAt = performance.now();
    await this.#watch('delivered', async () => {
      fresh = await this.#roll(served, hall);
    });
    await pause(Math.max(0, rolledAt + GRACE_MS - window / 2 - performance.now()));
    await this.#watch('kept', async () => undefined);
    await pause(Math.max(0, rolledAt + GRACE_MS + 2_000 - performance.now()));
    await this.#watch('told', async () => {
      this.#running.push(await Flow.begin(two, hall, BEGINNING, SEQ_PORT + 1));
      await newest(two, fresh);
    });
    const [toHall, toOne, ofTwo] = this.#running;
    if (!toHall || !toOne || !ofTwo) throw new Error('three flows run');
    this.#ended.push(await toHall.end());
    this.#running = [toOne, ofTwo];
    await this.#watch('renewed', async () => {
      this.#running.unshift(await Flow.begin(one, hall, BEGINNING, SEQ_PORT + 2));
      await newest(one, fresh);
    });
    this.#ended.push(await toOne.end());
    this.#running = this.#running.filter((flow) => flow !== toOne);
    if (discard) {
      await this.#mark();
      await until('the old key to go', async () => (await held(hall)).join() === `${fresh}`, {
        seconds: 90,
        everyMs: 100,
      });
      await pause(window / 2);
      this.#pauses.push({ step: 'discarded', gaps: await this.#mark() });
    }
    for (const flow of this.#running) this.#ended.push(await flow.end());
  }

  /** What the bench itself does when a flow begins, it does here as well. */
  async #quiet(hall: OverlayNode, two: OverlayNode): Promise<void> {
    let beside: Flow | undefined;
    await this.#watch('quiet', async () => {
      beside = await Flow.begin(two, hall, BEGINNING, SEQ_PORT + 1, HALL);
      for (let looks = 0; looks < LOOKS; looks++) {
        await held(two);
        await pause(20);
      }
    });
    await beside?.end();
  }

  /** Lets something happen, and looks at what runs for one window of time. */
  async #watch(step: Step, happens: () => Promise<void>): Promise<void> {
    const { window } = this.#options;
    await this.#mark();
    const began = performance.now();
    await happens();
    await pause(Math.max(0, began + window - performance.now()));
    this.#pauses.push({ step, gaps: await this.#mark() });
  }

  #mark(): Promise<number[]> {
    return Promise.all(this.#running.map((flow) => flow.mark()));
  }

  /** A new key, in force at once, and waits until the node that is always on has it. */
  async #roll(served: ServedOverlay, hall: OverlayNode): Promise<number> {
    const { version } = await served.admin.post<{ version: number }>(`/groups/${GROUP}/roll`, { in: 0 });
    await newest(hall, version);
    return version;
  }
}

/** Versions whose key a node holds, newest first. */
async function held(node: OverlayNode): Promise<number[]> {
  const { groups } = await node.status();
  return groups.flatMap((group) => (group.name === GROUP ? group.held.map(({ version }) => version) : []));
}

async function newest(node: OverlayNode, version: number): Promise<void> {
  await until(`${node.name} to hold ${version}`, async () => (await held(node))[0] === version, { seconds: 20 });
}
