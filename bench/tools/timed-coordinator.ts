import type { SignalMessage } from '../../src/nat/signal-message.ts';
import { DcWorld, type Participant, type Sent } from '../../test/server/dc/dc-world.ts';

/** So many come in each second of the made-up clock: below what a coordinator takes. */
const A_SECOND = 100;

/** What nodes want of it. */
export type Step = 'hello' | 'register' | 'again' | 'direction' | 'ack';
export type Times = Readonly<Record<Step, number[]>>;

/** A coordinator whose time for each message is taken: microseconds of the coordinator alone: what nodes compute is not in it. */
export class TimedCoordinator {
  readonly times: Times = { hello: [], register: [], again: [], direction: [], ack: [] };
  readonly world = new DcWorld();
  #asked = 0;

  say(step: Step, { node, from }: Participant, message: SignalMessage): Sent[] {
    return this.send(step, node.seal(message), from);
  }

  send(step: Step, bytes: Uint8Array, from: Participant['from']): Sent[] {
    if (++this.#asked % A_SECOND === 0) this.world.pass(1_000);
    const before = process.hrtime.bigint();
    const sent = this.world.send(bytes, from);
    this.times[step].push(Number(process.hrtime.bigint() - before) / 1_000);
    if (sent.length === 0 && step !== 'ack') throw new Error(`the coordinator said nothing to ${step}`);
    return sent;
  }
}
