import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Lab } from '../../../src/cli/lab/lab.ts';
import type { LabProcess } from '../../../src/cli/lab/lab-process.ts';
import type { Namespace } from '../../../src/cli/lab/namespace.ts';
import { until } from '../../../src/cli/lab/until.ts';

/** Which ways of asking for a port mapping a router understands; PCP comes with NAT-PMP. */
export interface MappingProtocols {
  readonly natPmp?: boolean;
  readonly upnp?: boolean;
}

/** The nftables chains that miniupnpd fills; the NAT itself stays as it is. */
const CHAINS = `table inet filter {
  chain forward { type filter hook forward priority 0; policy accept; jump miniupnpd
  }
  chain miniupnpd { }
  chain prerouting { type nat hook prerouting priority -110; policy accept; jump prerouting_miniupnpd
  }
  chain postrouting { type nat hook postrouting priority 90; policy accept; jump postrouting_miniupnpd
  }
  chain prerouting_miniupnpd { }
  chain postrouting_miniupnpd { }
}
`;

/** Has a NAT of the kit open ports on demand, by miniupnpd, for hosts of the network behind its device `lan`. */
export async function startMappings(
  lab: Lab,
  router: Namespace,
  { natPmp = true, upnp = true }: MappingProtocols = {},
): Promise<LabProcess> {
  router.now('nft', ['-f', '-'], CHAINS);
  const file = join(lab.folder, `miniupnpd-${router.label}`);
  const lines = [
    'ext_ifname=wan',
    'listening_ip=lan',
    `enable_natpmp=${natPmp ? 'yes' : 'no'}`,
    `enable_upnp=${upnp ? 'yes' : 'no'}`,
    'min_lifetime=120',
    'max_lifetime=86400',
    'secure_mode=yes',
    'bitrate_up=1000000',
    'bitrate_down=1000000',
    'uuid=00000000-0000-4000-8000-000000000001',
    'allow 1024-65535 0.0.0.0/0 1024-65535',
    'deny 0-65535 0.0.0.0/0 0-65535',
  ];
  writeFileSync(`${file}.conf`, `${lines.join('\n')}\n`);
  const words = ['miniupnpd', '-d', '-f', `${file}.conf`, '-P', `${file}.pid`];
  const process = router.start(words, { seconds: 3_600 });
  const listens = () => router.now('ss', ['-Hlun']).includes(natPmp ? ':5351' : ':1900');
  await until(() => `miniupnpd, which says: ${process.stderr().slice(-500)}`, listens);
  return process;
}
