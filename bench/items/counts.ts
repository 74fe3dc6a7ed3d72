import { followRecord, itemsEntered, type Network } from './network.ts';
import { gscipRow, gscipRows, IPSEC_MOVE, ipsecRows, kinkSum, type Row, rowSum, sumOf } from './papers-rule.ts';
import { departments, FIGURE_6, FIGURE_6_MOVE, FIGURE_6_NEWCOMER, oneGroup, SLIDES } from './records.ts';
import { WIREGUARD_MOVE, wireguardSum } from './wireguard.ts';

export const SIZES = [5, 20, 100, 1_000] as const;

/** What one network takes, by each way of making it. */
export interface Sums {
  /** as typed: every value in the record of commands */
  readonly typed: number;
  /** GSCIP by the papers' rule */
  readonly gscip: number;
  readonly ipsec: number;
  readonly kink: number;
  readonly wireguard: number;
}

export interface Step {
  readonly typed: number;
  readonly gscip: number;
  readonly ipsec: number;
  readonly wireguard: number;
}

export interface Counts {
  readonly figure6: Sums & { readonly gscipRows: readonly Row[]; readonly ipsecRows: readonly Row[] };
  readonly slides: Sums;
  readonly move: Step;
  readonly newcomer: Step;
  readonly sizes: readonly { readonly hosts: number; readonly oneGroup: Sums; readonly departments: Sums }[];
}

/** Follows every record and counts it. */
export async function countAll(): Promise<Counts> {
  const figure6 = await followRecord(FIGURE_6);
  const sizes: Counts['sizes'][number][] = [];
  for (const hosts of SIZES) {
    const [one, many] = [await followRecord(oneGroup(hosts)), await followRecord(departments(hosts))];
    sizes.push({ hosts, oneGroup: sums(one), departments: sums(many) });
  }
  return {
    figure6: { ...sums(figure6), gscipRows: gscipRows(figure6, 'paper'), ipsecRows: ipsecRows(figure6) },
    slides: { ...sums(await followRecord(SLIDES)), gscip: sumOf(gscipRows(await followRecord(SLIDES), 'slides')) },
    move: await move(figure6),
    newcomer: await newcomer(figure6),
    sizes,
  };
}

function sums(network: Network): Sums {
  return {
    typed: itemsEntered(network),
    gscip: sumOf(gscipRows(network, 'paper')),
    ipsec: sumOf(ipsecRows(network)),
    kink: kinkSum(network),
    wireguard: wireguardSum(network),
  };
}

async function move(before: Network): Promise<Step> {
  const after = await followRecord([...FIGURE_6, ...FIGURE_6_MOVE]);
  return {
    typed: itemsEntered(after) - itemsEntered(before),
    gscip: sumOf(gscipRows(after, 'paper')) - sumOf(gscipRows(before, 'paper')),
    ipsec: IPSEC_MOVE,
    wireguard: WIREGUARD_MOVE,
  };
}

/** By the papers' rule the newcomer's own row; what the server's row gains by it they leave out. */
async function newcomer(before: Network): Promise<Step> {
  const after = await followRecord([...FIGURE_6, ...FIGURE_6_NEWCOMER]);
  const own = after.elements.find(({ name }) => name === 'GES4');
  if (!own) throw new Error('the record of the newcomer brings nobody');
  return {
    typed: itemsEntered(after) - itemsEntered(before),
    gscip: rowSum(gscipRow(own, 'paper')),
    ipsec: sumOf(ipsecRows(after)) - sumOf(ipsecRows(before)),
    wireguard: wireguardSum(after) - wireguardSum(before),
  };
}
