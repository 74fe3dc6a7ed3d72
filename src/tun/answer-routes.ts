import { GscipError } from '../base/errors.ts';
import { ipCommand } from './ip-command.ts';
import { formatPrefix, type Prefix } from './prefix.ts';

/** A table of our own, and where its rules stand: before the main table (32766). */
const TABLE = '47247';
const PREFERENCE = '4724';

/**
 * What leaves with one of these addresses, the node's own in the overlay, for one of these ranges goes by the device, although
 * the machine is connected to the range (protocol.md 8.2). None takes it all back; what a crash left refers to an empty table.
 */
export async function setAnswerRoutes(
  device: string,
  addresses: readonly string[],
  ranges: readonly Prefix[],
): Promise<void> {
  for (const family of [4, 6] as const) {
    const own = addresses.filter((address) => address.includes(':') === (family === 6));
    const wanted = ranges.filter((range) => range.family === family);
    const rule = (verb: string) => (address: string) =>
      `rule ${verb} from ${address} pref ${PREFERENCE} table ${TABLE}`;
    const added = wanted.map((range) => `route add ${formatPrefix(range)} dev ${device} table ${TABLE}`);
    const rules = wanted.length === 0 ? [] : own.map(rule('add'));
    await changed(family, [...own.map(rule('del')), `route flush table ${TABLE}`, ...added, ...rules]);
  }
}

/** What was not there cannot be taken away, and is no failure. */
async function changed(family: 4 | 6, lines: readonly string[]): Promise<void> {
  try {
    await ipCommand([`-${family}`, '-force', '-batch', '-'], `${lines.join('\n')}\n`);
  } catch (error) {
    if (!(error instanceof GscipError) || error.code !== 'ip-failed') throw error;
  }
}
