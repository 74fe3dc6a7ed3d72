import { setTimeout as pause } from 'node:timers/promises';
import { ALL, NOTHING, type Reached, reach } from '../probes.ts';
import type { Network } from './network.ts';
import type { Place, PlacedRow } from './plan.ts';
import { type LinkState, linkState } from './wires.ts';

/** To which addresses a row is run. */
export type Run = 'overlay' | 'ordinary';

const IP_AND_ICMP = 28;
/** Each exchange pings with packets of a size of its own. */
let size = 500;

/**
 * Has one machine ask the other by TCP, UDP and ping, and says what each element on the path did with it, as the captures
 * of all links show it: in the order of the path, whichever end asks.
 */
export async function seenActions(
  network: Network,
  { source, destination, elements }: PlacedRow,
  run: Run,
  isBack = false,
): Promise<string> {
  const places = stations(source, destination, elements);
  const walk = isBack ? places.toReversed() : places;
  const [from, to] = [walk[0] ?? source, walk.at(-1) ?? destination];
  const address = (place: Place) =>
    run === 'overlay' ? network.overlayAddress(place) : Promise.resolve(network.ordinaryAddress(place));
  const between = [await address(from), await address(to)] as const;
  size += 1;
  for (const place of places) network.wire(place).skip();
  const reached = await reach(network.machine(from), between[1], { from: between[0], size });
  await pause(SETTLE);
  const exchange = { between, pinged: size + IP_AND_ICMP };
  const links = walk.slice(1).map((place, at) => stateBetween(network, walk[at] ?? place, place, exchange));
  const states: LinkState[] = ['clear', ...links, heard(reached)];
  const actions = walk.map((place, at) => actionOf(place, states[at] ?? 'none', states[at + 1] ?? 'none'));
  const told = await Promise.all(
    walk.map(async (place, at) =>
      actions[at] === 'ENC' ? `ENC(${await groupOf(network, place, between)})` : actions[at],
    ),
  );
  const seen = told.filter((_, at) => walk[at]?.element !== undefined);
  return (isBack ? seen.reverse() : seen).join(' ');
}

/** What is captured reaches the file a little later. */
const SETTLE = 100;

/** The machines that a packet visits, elements or not. */
function stations(source: Place, destination: Place, elements: readonly Place[]): readonly Place[] {
  return [
    ...(elements.includes(source) ? [] : [source]),
    ...elements,
    ...(elements.includes(destination) ? [] : [destination]),
  ];
}

/** Two neighbours on the path: one is behind the other, or both are on the wire, which is seen at both. */
function stateBetween(
  network: Network,
  one: Place,
  other: Place,
  exchange: Parameters<typeof linkState>[1],
): LinkState {
  const ends = one.parent === other ? [one] : other.parent === one ? [other] : [one, other];
  const [first = 'none', second = first] = ends.map((place) => linkState(network.wire(place).since(), exchange));
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
async function groupOf(network: Network, place: Place, between: readonly [string, string]): Promise<string> {
  const flows = (await network.entries(place)).filter(
    ({ source, destination, action }) =>
      action === 'encrypt' && between.includes(source) && between.includes(destination),
  );
  return [...new Set(flows.map(({ group }) => network.groupNumber(group)))].sort().join(' or ');
}
