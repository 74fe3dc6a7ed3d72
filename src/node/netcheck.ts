import type { NetcheckFacts } from '../api/netcheck.ts';
import type { ServerStatus } from '../api/status.ts';
import type { PathAddress } from '../base/path-address.ts';
import { parsePath } from '../base/path-address.ts';
import type { Engine } from './engine.ts';
import type { IoFacts } from './packet-io.ts';

/** What the node knows of the network that it is in. */
export function netcheckFacts(
  engine: Engine,
  { udp, tun }: IoFacts,
  { url, connected }: ServerStatus,
  mappedBy: string | undefined,
): NetcheckFacts {
  const { nat, reflexive, keepAlive, mapped, isComplete, coordinators, relays } = engine.reach.facts();
  const anyAnswers = coordinators.some(({ by }) => by === 'udp');
  return {
    schema: 1,
    complete: isComplete || coordinators.every(({ isGivenUp }) => isGivenUp),
    udp: anyAnswers ? 'open' : coordinators.some(({ isGivenUp }) => isGivenUp) ? 'blocked' : 'unknown',
    port: udp.port,
    outer4: ofFamily(reflexive, 4),
    outer6: ofFamily(reflexive, 6),
    nat: { mapping: nat.mapping, filtering: nat.filtering, hairpin: nat.hairpin ?? null },
    keepAliveSeconds: keepAlive / 1_000,
    mapped,
    mappedBy: mappedBy ?? null,
    coordinators: coordinators.map(({ address, by }) => ({ address, by: by === 'tunnel' ? 'tcp' : (by ?? null) })),
    relays: relays.map(({ address, rtt }) => ({ address, rttMs: rtt ?? null })),
    server: { url, connected },
    interface: tun.name,
  };
}

function ofFamily(paths: readonly PathAddress[], family: 4 | 6): string | null {
  return paths.find((path) => parsePath(path).family === family) ?? null;
}
