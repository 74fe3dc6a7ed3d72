import type { ElementsStatus, GatewayStatus } from '../api/status.ts';
import { seconds } from './units.ts';

/** Terminals that a person is shown; programs get them all. */
const SHOWN = 10;

/** What a GEN serves, as `gscip status` shows it; empty for other nodes. */
export function gatewayLines(gateway: GatewayStatus | null): string {
  if (gateway === null) return '';
  const { subnets, outside, snat, terminals, packets, dropped } = gateway;
  const served = subnets.map(({ prefix, inside }) => `${prefix} by ${inside.join(', ') || 'no interface'}`);
  const drops = Object.entries(dropped).filter(([, count]) => count > 0);
  const blocked = packets.blocked > 0 ? `, ${packets.blocked} stopped by other rules of this machine` : '';
  return [
    'Gateway',
    `  inside      ${served.join('; ') || 'nothing'}`,
    `  outside     ${outside.join(', ') || 'no default route'}`,
    `  sources     ${snat ? "replaced: terminals see this router's address" : 'kept'}`,
    `  forwarded   ${packets.in} packets in, ${packets.out} out${blocked}`,
    `  dropped     ${drops.map(([name, count]) => `${count} ${name}`).join(', ') || 'nothing'}`,
    `  terminals   ${terminalText(terminals)}`,
  ].join('\n');
}

/** The GEN that a node is below, and on a GEN who is below it; empty where there is none. */
export function elementLines({ above, below }: ElementsStatus): string {
  const upper = above === null ? [] : [`  above       ${above.name ?? above.id} at ${above.address}, proved`];
  const shown = below.slice(0, SHOWN).map(({ name, id, address }) => `${name ?? id} at ${address}`);
  const more = below.length > SHOWN ? [`and ${below.length - SHOWN} more`] : [];
  const lower = below.length === 0 ? [] : [`  below       ${[...shown, ...more].join(', ')}`];
  return above === null && below.length === 0 ? '' : ['Elements', ...upper, ...lower].join('\n');
}

function terminalText(terminals: GatewayStatus['terminals']): string {
  if (terminals.length === 0) return 'none has flows';
  const shown = terminals
    .slice(0, SHOWN)
    .map((each) => `${each.address} (${each.flows} flows, last ${seconds(each.idleSeconds)} ago)`);
  const more = terminals.length > SHOWN ? [`and ${terminals.length - SHOWN} more`] : [];
  return [...shown, ...more].join(', ');
}
