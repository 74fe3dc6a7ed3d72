import { GATEWAY_COUNTERS, THROUGH } from './gateway-rules.ts';

type CounterName = (typeof GATEWAY_COUNTERS)[keyof typeof GATEWAY_COUNTERS];

/** Packets by what became of them, since the agent started. */
export interface PacketCounts {
  readonly all: Readonly<Record<CounterName, number>>;
  readonly passedIn: number;
  readonly passedOut: number;
  /** that came out behind all other tables of the machine */
  readonly through: number;
  /** that did not */
  readonly blocked: number;
  readonly dropped: Readonly<Record<string, number>>;
  /** what was counted before the table was last replaced */
  readonly base: Pick<PacketCounts, 'all' | 'through'> | undefined;
}

const { passedIn, passedOut, overlaySource, foreignSource, foreignDestination, broadcast } = GATEWAY_COUNTERS;
const ZEROS = Object.fromEntries(Object.values(GATEWAY_COUNTERS).map((name) => [name, 0]));

export const NO_COUNTS: PacketCounts = counted(() => 0, undefined);

/** Reads `nft -j list counters`; what was counted before the table was replaced is added. */
export function packetCounts(counters: readonly unknown[], before: PacketCounts): PacketCounts {
  const values = new Map<string, number>(Object.entries(ZEROS));
  for (const item of counters) {
    if (typeof item !== 'object' || item === null || !('counter' in item)) continue;
    const { counter } = item;
    if (typeof counter !== 'object' || counter === null || !('name' in counter) || !('packets' in counter)) continue;
    values.set(String(counter.name), Number(counter.packets));
  }
  return counted((name) => values.get(name) ?? 0, before.base);
}

function counted(value: (name: string) => number, base: PacketCounts['base']): PacketCounts {
  const sum = (name: CounterName) => value(name) + (base?.all[name] ?? 0);
  const all = {
    [overlaySource]: sum(overlaySource),
    [foreignSource]: sum(foreignSource),
    [foreignDestination]: sum(foreignDestination),
    [broadcast]: sum(broadcast),
    [passedIn]: sum(passedIn),
    [passedOut]: sum(passedOut),
  };
  const through = value(THROUGH) + (base?.through ?? 0);
  const { [passedIn]: inside, [passedOut]: outside, ...dropped } = all;
  // counters are not read at one instant: `through` is the last, so that packets under way never look blocked
  const blocked = Math.max(0, inside + outside - through);
  return { all, passedIn: inside, passedOut: outside, through, blocked, dropped, base };
}
