import type { LabProcess } from '../../src/cli/lab/lab-process.ts';
import type { Namespace } from '../../src/cli/lab/namespace.ts';
import { until } from '../../src/cli/lab/until.ts';
import { compiled } from '../../test/netns/compiled.ts';
import { listAt, numberAt } from './json-path.ts';

/** What a sender of numbered datagrams did. */
export interface Sent {
  readonly sent: number;
  /** datagrams per second that it reached */
  readonly rate: number;
}

/** What arrived of them. */
export interface Received {
  readonly received: number;
  readonly distinct: number;
  readonly duplicates: number;
  /** arrived after a higher number */
  readonly late: number;
  /** by so many numbers the latest of those was behind */
  readonly furthestBehind: number;
  readonly longestGapMs: number;
  /** when the longest gap ended, from the first datagram on */
  readonly gapEndsMs: number;
  readonly firstMissing: readonly number[];
}

/** Port that the tools use, and the ports above it when there are many flows. */
export const SEQ_PORT = 7100;

/** Flows that share one destination port. */
const FLOWS_PER_PORT = 60_000;

const tool = () => compiled('bench/tools/seq-udp.cc');

/** Sends one flow of numbered datagrams at an even rate per second, for some seconds. */
export async function sendNumbered(
  from: Namespace,
  to: string,
  rate: number,
  seconds: number,
  size: number,
): Promise<Sent> {
  const words = ['send', to, SEQ_PORT, rate, seconds, size].map(String);
  return sent(await from.run([tool(), ...words], { seconds: seconds + 30 }));
}

/** A flow of numbered datagrams that goes on until it is stopped. */
export interface Sending {
  stop(): Promise<Sent>;
}

/** Starts such a flow; `port` as its receiver has it. */
export function startSending(from: Namespace, to: string, rate: number, size: number, port = SEQ_PORT): Sending {
  const words = ['send', to, port, rate, LONGEST, size].map(String);
  const process = from.start([tool(), ...words], { seconds: LONGEST + 30 });
  return {
    stop: async () => {
      await process.stop();
      return sent(process.stdout());
    },
  };
}

/** Seconds that any of these processes may run. */
const LONGEST = 3_600;

/** Many flows that differ in their ports. */
export interface ManyFlows {
  readonly source: string;
  readonly flows: number;
  /** `once`: flow after flow in turn; `random`: each datagram a flow drawn at random, without a hot set */
  readonly order: 'once' | 'random';
  readonly rate: number;
  readonly count: number;
  readonly size: number;
}

export async function sendFlows(from: Namespace, to: string, what: ManyFlows): Promise<Sent> {
  const words = ['flows', to, SEQ_PORT, what.rate, what.count, what.size, what.source, what.flows, what.order].map(
    String,
  );
  const seconds = what.rate === 0 ? 120 : what.count / what.rate + 30;
  return sent(await from.run([tool(), ...words], { seconds }));
}

export interface Receiving {
  /** A window of time ends; returns the longest gap in it, in ms. */
  mark(): Promise<number>;
  /** Likewise; returns how many were late so far. */
  markLate(): Promise<number>;
  stop(): Promise<Received>;
}

/** Counts what arrives; `stop` ends it and tells. With `answer` each datagram goes back as well. */
export async function startReceiver(
  at: Namespace,
  address: string,
  flows = 1,
  manner: 'count' | 'answer' = 'count',
  port = SEQ_PORT,
): Promise<Receiving> {
  const ports = Math.ceil(flows / FLOWS_PER_PORT);
  const process = at.start([tool(), 'receive', address, `${port}`, `${ports}`, manner], { seconds: LONGEST });
  await until(
    () => `the receiver: ${process.stderr()}`,
    () => process.stdout().includes('ready'),
  );
  let marks = 0;
  const mark = async (what: string) => {
    process.signal('SIGUSR1');
    const line = ++marks;
    const text = await until('the mark', () => process.stdout().split('\n').slice(0, -1)[line], { everyMs: 5 });
    return numberAt(JSON.parse(text), what);
  };
  return {
    mark: () => mark('longestGapMs'),
    markLate: () => mark('late'),
    stop: async () => {
      await process.stop();
      const result: unknown = JSON.parse(process.stdout().split('\n')[marks + 1] ?? '{}');
      return {
        received: numberAt(result, 'received'),
        distinct: numberAt(result, 'distinct'),
        duplicates: numberAt(result, 'duplicates'),
        late: numberAt(result, 'late'),
        furthestBehind: numberAt(result, 'furthestBehind'),
        longestGapMs: numberAt(result, 'longestGapMs'),
        gapEndsMs: numberAt(result, 'gapEndsMs'),
        firstMissing: listAt(result, 'firstMissing').map(Number),
      };
    },
  };
}

/** Sends everything back. */
export async function startEcho(at: Namespace, address: string): Promise<LabProcess> {
  const process = at.start([tool(), 'echo', address, String(SEQ_PORT)], { seconds: LONGEST });
  await until(
    () => `the echo: ${process.stderr()}`,
    () => process.stdout().includes('ready'),
  );
  return process;
}

/** Round trips on demand, by a process that stays: starting one would disturb what is measured. */
export class Asker {
  readonly #process: LabProcess;
  #answers = 0;

  constructor(from: Namespace, to: string) {
    this.#process = from.start([tool(), 'ask', to, String(SEQ_PORT)], { seconds: LONGEST, stdin: true });
  }

  /** Round trips in µs, one after the other; -1 for one that never came. `extra` counts all answers too many so far. */
  async ask(
    count: number,
    gapMicroseconds: number,
    port: 'new' | 'same',
  ): Promise<{ microseconds: number[]; extra: number }> {
    this.#process.write(`${count} ${gapMicroseconds} ${port}\n`);
    const line = this.#answers++;
    const text = await until('the answers', () => this.#process.stdout().split('\n').slice(0, -1)[line], {
      seconds: 60,
      everyMs: 5,
    });
    const answer: unknown = JSON.parse(text);
    return { microseconds: listAt(answer, 'microseconds').map(Number), extra: numberAt(answer, 'extra') };
  }

  async stop(): Promise<void> {
    this.#process.endInput();
    await this.#process.stop();
  }
}

function sent(text: string): Sent {
  const result: unknown = JSON.parse(text);
  return { sent: numberAt(result, 'sent'), rate: numberAt(result, 'rate') };
}
