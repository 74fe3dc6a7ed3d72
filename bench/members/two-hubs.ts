import { type Millis, millis, unixSeconds } from '../../src/base/brands.ts';
import { udpPacket } from '../../test/node/packets.ts';
import type { Cores } from './cores.ts';
import { BEGIN, type Datagram, Hub } from './hub.ts';
import { MadeNetwork } from './network.ts';

/** Steps of a first packet, in order; who computes stands in front. */
export const STEPS = [
  'start: PIT miss, DDE',
  'end: DDE, RGI',
  'start: RGI, MPIT',
  'end: MPIT, CDN, receive and send keys',
  'start: CDN, held packet sealed',
  'end: packet opened, PIT, delivered',
  'start: empty datagram that confirms',
] as const;

/** Two whole nodes in memory, and what each step of their meeting takes. */
export class TwoHubs {
  readonly #network: MadeNetwork;
  readonly #a: Hub;
  readonly #b: Hub;
  #now: Millis = BEGIN;
  #port = 1_024;

  /** `groups`: that both are in. */
  constructor({ addon, provider, random }: Cores, groups: number) {
    const now = unixSeconds(Math.floor(Date.now() / 1_000));
    this.#network = new MadeNetwork({ provider, random, now }, 2, groups);
    const [a, b] = [0, 1].map((number) => {
      const settings = { pitCapacity: 4_096 };
      return new Hub({
        provider,
        random,
        primitives: addon,
        keys: this.#network.keysOf(number),
        settings,
        keepsData: true,
      });
    });
    if (!a || !b) throw new Error('two hubs');
    [this.#a, this.#b] = [a, b];
    a.engine.node.paths.hint(this.#network.members[1].id, this.#network.members[1].path);
    b.engine.node.paths.hint(this.#network.members[0].id, this.#network.members[0].path);
  }

  /** Nothing known: microseconds of each of STEPS. */
  cold(): number[] {
    const { steps, delivered } = this.#first();
    if (steps.length !== STEPS.length || delivered !== 1) throw new Error(`a first packet took ${steps.length} steps`);
    return steps;
  }

  /** A new flow on a live SA: microseconds at the start, and at the end. */
  flow(): number[] {
    return this.#first().steps.slice(0, 2);
  }

  /** Both forget each other; a second passes. */
  forget(): void {
    for (const hub of [this.#a, this.#b]) hub.engine.flush(true, this.#now);
    this.#now = millis(this.#now + 1_000);
    for (const hub of [this.#a, this.#b]) hub.tick(this.#now);
  }

  close(): void {
    for (const { engine } of [this.#a, this.#b]) {
      engine.flush(true, this.#now);
      for (const { slot } of engine.node.paths.peers()) engine.node.primitives.pathFree(slot);
    }
  }

  #first(): { readonly steps: number[]; readonly delivered: number } {
    const before = this.#b.delivered;
    const steps: number[] = [];
    const packet = this.#packet();
    let flying = timed(steps, () => this.#a.send([packet], this.#now));
    for (let turn = 0; flying.length > 0 && turn < 8; turn++) {
      const [to, from] = turn % 2 === 0 ? [this.#b, 0] : [this.#a, 1];
      const path = this.#network.members[from].path;
      flying = timed(steps, () =>
        to.receive(
          flying.map(({ bytes }) => ({ bytes, path })),
          this.#now,
        ),
      );
    }
    return { steps, delivered: this.#b.delivered - before };
  }

  #packet(): Uint8Array {
    this.#port = this.#port >= 65_000 ? 1_024 : this.#port + 1;
    const [a, b] = this.#network.members;
    return udpPacket(a.vip.slice(12), b.vip.slice(12), [this.#port, 7], new Uint8Array(36));
  }
}

function timed(steps: number[], act: () => Datagram[]): Datagram[] {
  const before = process.hrtime.bigint();
  const sent = act();
  steps.push(Number(process.hrtime.bigint() - before) / 1_000);
  return sent;
}
