import type { ElementsStatus, HealthLine, ServerStatus, StatusAnswer, UnderlayStatus } from '../api/status.ts';
import type { Millis, NodeId } from '../base/brands.ts';
import { type AgentConfig, listenText } from './agent-config.ts';
import { groupAnswers, peerAnswer } from './answers.ts';
import type { Engine } from './engine.ts';
import { healthLines } from './health.ts';
import type { PacketIo } from './packet-io.ts';
import type { RateMeter } from './rate-meter.ts';

/** What `gscip status` shows of, beside the engine. */
export interface StatusParts {
  readonly config: AgentConfig;
  readonly engine: Engine;
  readonly io: PacketIo;
  readonly rates: RateMeter;
  readonly network: string;
  readonly uptimeSeconds: number;
  readonly certificateLeft: number;
  readonly server: ServerStatus;
  readonly setAside: readonly HealthLine[];
  readonly notKept: string | undefined;
  readonly underlay: UnderlayStatus;
  /** of the machine: what is forwarded, held back, and known by name */
  readonly host: Pick<StatusAnswer, 'gateway' | 'lock' | 'dns'>;
}

/** The answer to `gscip status`. */
export function statusAnswer(parts: StatusParts, now: Millis): StatusAnswer {
  const { config, engine, rates } = parts;
  const { keys, directory, pit, held } = engine.node;
  const { name, id, type, mode, addresses } = keys.self();
  const { tun, udp, primitives, workers, fallbacks } = parts.io.facts();
  const groups = groupAnswers(engine);
  const { network, uptimeSeconds, certificateLeft, setAside, notKept, server, underlay } = parts;
  const listen = listenText(config.listen.address, udp.port);
  return {
    schema: 1,
    node: { name, id, type, mode, addresses, network, listen, interface: tun.name, mtu: config.mtu, uptimeSeconds },
    groups,
    peers: directory.others().map((member) => peerAnswer(engine, member, rates.of(member.id), now)),
    server,
    underlay,
    dataPath: { primitives, tun, udp: { gso: udp.gso, gro: udp.gro }, workers, fallbacks },
    pit: { entries: pit.entries.live, capacity: config.flows, heldPackets: held.packets },
    ...parts.host,
    elements: elementsStatus(engine),
    health: healthLines({
      closedWithoutAddon: mode === 'cl' && primitives === 'typescript',
      fallbacks,
      groups,
      certificateLeft,
      setAside,
      notKept,
      isPolled: underlay.changesBy === 'polling',
      smallPaths: smallPaths(engine),
      hasServer: server.url !== null,
    }),
  };
}

function elementsStatus({ elements, node: { directory } }: Engine): ElementsStatus {
  const { above } = elements;
  const nameOf = (id: NodeId) => directory.member(id)?.name ?? null;
  return {
    above: above ? { id: above.node, name: nameOf(above.node), address: above.gen, place: above.place } : null,
    below: elements.below().map(({ node, path }) => ({ id: node, name: nameOf(node), address: path })),
  };
}

function smallPaths({ node }: Engine): { name: string; mtu: number }[] {
  return [...node.paths.peers()].flatMap(({ peer, slot }) => {
    const { tooSmall, inner } = node.mtus.of(slot);
    return tooSmall ? [{ name: node.peerName(peer), mtu: inner }] : [];
  });
}
