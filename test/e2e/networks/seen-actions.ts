import { setTimeout as pause } from 'node:timers/promises';
import type { PitEntryAnswer } from '../../../src/api/pit.ts';
import type { Namespace } from '../../../src/cli/lab/namespace.ts';
import { ALL, NOTHING, type Reached, reach } from '../probes.ts';
import type { Place, Way } from './plan.ts';
import { type Exchange, type LinkState, linkState, RIDING, type Since, type Wire } from './wires.ts';

/** What is asked of a network that rows are run in. */
export interface Observed {
  machine(place: Place): Namespace;
  /** the capture of what passes between a machine and the next one outside */
  wire(place: Place): Wire;
  overlayAddress(place: Place): Promise<string>;
  ordinaryAddress(place: Place): string;
  entries(place: Place): Promise<readonly PitEntryAnswer[]>;
  /** numbers of groups as the rows have them, by their names */
  groupNumber(name: string | null): number;
}

/** What the wire of each place on a way has carried since an exchange began. */
type Looks = ReadonlyMap<Place, Since>;

/** To which addresses a row is run. */
export type Run = 'overlay' | 'ordinary';

const ICMP_HEADER = 8;
const IP_HEADER = (address: string) => (address.includes(':') ? 40 : 20);
/** What is captured reaches its file a little later: two looks must find the same, and no link half of something. */
const SETTLE = 100;
const LOOKS = 15;
/** Until the way through a GEN is found, where a server tells nodes of each other. */
const PATH_FOUND = 1_000;
const TRIES = 6;
/** For an answer: most rows have none. */
const PATIENCE = 1_200;
/** Bytes of the smallest ping, and how many sizes there are. */
const [SMALLEST, SIZES] = [500, 3 * RIDING];

/**
 * Has the first machine ask the last one by TCP, UDP and ping, and says what each element on the way did with it, as the
 * captures of all links show it: in the order of the way, or for `isBack`, where the last one asks the first, against it.
 */
export async function seenActions(network: Observed, way: Way, run: Run, isBack = false): Promise<string> {
  const walk = isBack ? way.toReversed() : way;
  const [from, to] = [walk[0], walk.at(-1)];
  if (!from || !to) throw new Error('a way has two ends');
  const between = await addresses(network, from, to, run);
  const { links, reached } = await exchanged(network, walk, between);
  const states: LinkState[] = ['clear', ...links, heard(reached)];
  const told = await Promise.all(
    walk.map(async (place, at) => {
      const action = actionOf(place, states[at] ?? 'none', states[at + 1] ?? 'none');
      return action === 'ENC' ? `ENC(${await groupOf(network, place, between)})` : action;
    }),
  );
  const seen = told.filter((_, at) => walk[at]?.element !== undefined);
  const isUnanswered = !to.element && states.at(-1) === 'none' && states.at(-2) !== 'none';
  return [...(isBack ? seen.reverse() : seen), ...(isUnanswered ? ['unanswered'] : [])].join(' ');
}

/** One exchange, and what each link carried of it; the next one where that went by a relay. */
async function exchanged(network: Observed, walk: Way, between: Exchange['between']) {
  const [from] = walk;
  if (!from) throw new Error('a way has two ends');
  for (let tries = 1; ; tries++) {
    const size = nextSize();
    const looks = new Map(walk.map((place) => [place, network.wire(place).look()]));
    const asked = () => reach(network.machine(from), between[1], { from: between[0], size, patience: PATIENCE });
    const first = await asked();
    // an answer that was late once, on a machine that is busy, is not late again; one that is held back is
    const reached = heard(first).startsWith('odd') ? await asked() : first;
    const links = await settledLinks(looks, walk, { between, pinged: size + ICMP_HEADER + IP_HEADER(between[1]) });
    if (tries === TRIES || !links.some(isPastTheWay)) return { links, reached };
    await pause(PATH_FOUND);
  }
}

let exchanges = 0;

/**
 * Each exchange pings with packets of a size of its own, by which it is known among those that go on at the same time: no two
 * sizes differ by what rides before a first packet.
 */
function nextSize(): number {
  const at = exchanges++ % SIZES;
  return SMALLEST + at + RIDING * Math.floor(at / RIDING);
}

/** Sealed at one end of the wire and not seen at the other: the first packets go by the relay, inside of TLS on one side. */
function isPastTheWay(link: LinkState): boolean {
  return /^odd: (sealed at \w+, none|none at \w+, sealed) at \w+$/.test(link);
}

async function settledLinks(looks: Looks, walk: Way, exchange: Exchange): Promise<LinkState[]> {
  let before = '';
  for (let times = 1; ; times++) {
    await pause(SETTLE);
    const links = walk.slice(1).map((place, at) => stateBetween(looks, walk[at] ?? place, place, exchange));
    const now = links.join();
    if ((now === before && !now.includes('odd')) || times === LOOKS) return links;
    before = now;
  }
}

async function addresses(network: Observed, from: Place, to: Place, run: Run): Promise<Exchange['between']> {
  if (run === 'ordinary') return [network.ordinaryAddress(from), network.ordinaryAddress(to)];
  const address = await network.overlayAddress(to);
  return [sourceTowards(network.machine(from), address), address];
}

/** The address that a machine has where it sends there, and is left the choice. */
function sourceTowards(machine: Namespace, address: string): string {
  const [way] = JSON.parse(machine.ip('-j', 'route', 'get', address));
  return way.prefsrc;
}

/** Two neighbours on the way: one is behind the other, or they share a wire, which is seen at both. */
function stateBetween(looks: Looks, one: Place, other: Place, exchange: Exchange): LinkState {
  const ends = one.parent === other ? [one] : other.parent === one ? [other] : [one, other];
  const [first = 'none', second = first] = ends.map((place) => linkState(looks.get(place)?.() ?? [], exchange));
  return first === second ? first : `odd: ${first} at ${one.name}, ${second} at ${other.name}`;
}

/** Answered by all three or by none; anything between is nothing that a row says. */
function heard(reached: Reached): LinkState {
  const said = JSON.stringify(reached);
  if (said === JSON.stringify(ALL)) return 'clear';
  return said === JSON.stringify(NOTHING) ? 'none' : `odd: ${said}`;
}

function actionOf({ element }: Place, before: LinkState, after: LinkState): string {
  if (before === 'none') return after === 'none' ? '–' : `from nothing to ${after}`;
  if (after === 'none') return element ? 'DISCARD' : 'lost';
  if (before === 'clear' && after === 'clear') return 'RELAY-P';
  if (before === 'sealed' && after === 'sealed') return 'RELAY-C';
  if (before !== after && [before, after].every((each) => each === 'clear' || each === 'sealed')) return 'ENC';
  return `from ${before} to ${after}`;
}

/** The number of the group that this element says it seals the flow under. */
async function groupOf(network: Observed, place: Place, between: Exchange['between']): Promise<string> {
  const flows = (await network.entries(place)).filter(
    ({ source, destination, action }) =>
      action === 'encrypt' && between.includes(source) && between.includes(destination),
  );
  return [...new Set(flows.map(({ group }) => network.groupNumber(group)))].sort().join(' or ');
}
