/**
 * Highest rate in packets per second at which `passes` still says yes: seven halvings, in ratio, between `low` and `high`,
 * so known within 4 % of a range of 1 to 80. A step that fails is tried once more, since one disturbance elsewhere on the machine is enough to lose 1 %.
 */
export async function highestRate(
  passes: (rate: number) => Promise<boolean>,
  low = 5_000,
  high = 400_000,
): Promise<number> {
  for (let step = 0; step < 7; step++) {
    const rate = Math.round(Math.sqrt(low * high));
    if ((await passes(rate)) || (await passes(rate))) low = rate;
    else high = rate;
  }
  return low;
}
