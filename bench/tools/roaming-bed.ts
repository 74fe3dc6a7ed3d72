import { setTimeout as pause } from 'node:timers/promises';
import { withLab } from '../../src/cli/lab/lab.ts';
import { until } from '../../src/cli/lab/until.ts';
import { longestGap, Typing } from '../../test/e2e/typing.ts';
import { type Placed, ReachWorld } from '../../test/netns/nat/reach-world.ts';
import { Roamer } from '../../test/netns/nat/roamer.ts';
import { type Place, SERVER } from '../../test/netns/nat/sites.ts';
import { listAt, numberAt } from './json-path.ts';

/** The networks that each of the two is in, one after the other. */
const NETWORKS: readonly (readonly Place[])[] = [
  ['port-restricted', 'full cone', 'symmetric carrier'],
  ['port-restricted', 'address-restricted'],
];

/** What the flows of two nodes went through. */
export interface Moves {
  /** for each move: how long nothing came, in ms */
  readonly gaps: readonly number[];
  /** connections that broke */
  readonly resets: number;
}

/** Two nodes behind NATs, each with several networks to be in, and a server that coordinates and relays. */
export class RoamingBed {
  readonly #nodes: readonly [Placed, Placed];
  readonly #roamers: readonly [Roamer, Roamer];

  private constructor(nodes: readonly [Placed, Placed], roamers: readonly [Roamer, Roamer]) {
    this.#nodes = nodes;
    this.#roamers = roamers;
  }

  /** `delay`: milliseconds from node to node; to the server it is as long. */
  static with<T>(delay: number, body: (bed: RoamingBed) => Promise<T>): Promise<T> {
    return withLab(async (lab) => {
      const world = await ReachWorld.start(lab, {});
      let number = 0;
      const homes = [];
      const roamers: Roamer[] = [];
      for (const places of NETWORKS) {
        const sites = await Promise.all(places.map((place) => world.net.site(place, ++number, {})));
        for (const { wire } of sites) {
          await wire?.set({ delayMs: delay / 2 });
          for (const address of [SERVER.first, SERVER.second]) await wire?.set({ delayMs: delay }, 'both', address);
        }
        const [home, ...others] = sites;
        if (!home) throw new Error('a node is somewhere');
        homes.push(home);
        roamers.push(Roamer.of(home, ...others));
      }
      const [a, b] = await world.join(homes, ['a', 'b']);
      const [first, second] = roamers;
      if (!a || !b || !first || !second) throw new Error('there are two nodes');
      return body(new RoamingBed([a, b], [first, second]));
    });
  }

  /** Both ends of a TCP connection type all the time, while one node or both move every so many milliseconds. */
  async typing(moves: number, every: number, who: 'one' | 'both'): Promise<Moves> {
    const [{ node: a }, { node: b }] = this.#nodes;
    const typing = await Typing.start(a, b);
    await pause(every);
    const times = await this.#move(moves, every, who);
    const heard = typing.heard();
    const gaps = windows(times, every).map(([from, to]) =>
      Math.max(...heard.map((each) => longestGap(each, from, to))),
    );
    const resets = typing.isWhole ? 0 : 1;
    await typing.stop();
    return { gaps, resets };
  }

  /** The same with iperf3 at this rate in Mbit/s; gaps are counted by tenths of a second where the data arrives. */
  async iperf(moves: number, every: number, megabits: number): Promise<Moves> {
    const [{ node: a }, { node: b }] = this.#nodes;
    const seconds = Math.ceil(((moves + 2) * every) / 1_000);
    const words = ['iperf3', '-s', '-1', '-J', '-i', '0.1', '-p', PORT];
    const server = b.namespace.start(words, { seconds: seconds + 60 });
    await until('iperf3 to listen', () => b.namespace.now('ss', ['-ltnH', `sport = :${PORT}`]) !== '');
    const client = [
      'iperf3',
      '-c',
      await b.address(),
      '-p',
      PORT,
      '-t',
      `${seconds}`,
      '-b',
      `${megabits}M`,
      '-C',
      'cubic',
    ];
    const began = Date.now();
    const running = a.namespace.start(client, { seconds: seconds + 60 });
    await pause(every);
    const times = await this.#move(moves, every, 'one');
    const ended = await running.finished();
    const said = JSON.parse((await server.finished()).stdout);
    const arrived = listAt(said, 'intervals').flatMap((each) =>
      numberAt(each, 'sum', 'bytes') > 0
        ? [began + 1_000 * numberAt(each, 'sum', 'start'), began + 1_000 * numberAt(each, 'sum', 'end')]
        : [],
    );
    const gaps = windows(times, every).map(([from, to]) => longestGap(arrived, from, to));
    return { gaps, resets: ended.code === 0 ? 0 : 1 };
  }

  async #move(moves: number, every: number, who: 'one' | 'both'): Promise<number[]> {
    const times: number[] = [];
    for (let move = 0; move < moves; move++) {
      times.push(Date.now());
      for (const roamer of who === 'both' ? this.#roamers : this.#roamers.slice(0, 1)) roamer.moveOn();
      await pause(every);
    }
    return times;
  }
}

const PORT = '5201';

/** From each move to shortly before the next one. */
function windows(times: readonly number[], every: number): readonly (readonly [number, number])[] {
  return times.map((time) => [time, time + every - 200] as const);
}
