import type { GroupStatus, HealthLine } from '../api/status.ts';
import type { GscipError } from '../base/errors.ts';
import { INNER_MTU_FLOOR } from '../nat/constants.ts';
import type { RefusedRoster } from './bundle-keys.ts';

/** What the health of a node is read from. */
export interface HealthFacts {
  /** the lock lets nothing of this node pass: its sockets have no mark */
  readonly closedWithoutAddon: boolean;
  /** offloads that are missing, by name */
  readonly fallbacks: readonly string[];
  readonly groups: readonly GroupStatus[];
  /** seconds that the node's certificate is still valid */
  readonly certificateLeft: number;
  /** settings kept from an earlier start that are not of use now */
  readonly setAside: readonly HealthLine[];
  /** why the state folder could not be written the last time; undefined when it could */
  readonly notKept: string | undefined;
  /** nothing tells of changes of the network */
  readonly isPolled: boolean;
  /** peers whose path carries less than IPv6 needs, with what it carries */
  readonly smallPaths: readonly { readonly name: string; readonly mtu: number }[];
  /** keys come from a server, and not from files */
  readonly hasServer: boolean;
}

const DAY = 86_400;
const WARN_DAYS = 30;

/** The lines at the end of `gscip status`; none when all is well. */
export function healthLines(facts: HealthFacts): HealthLine[] {
  const lines: HealthLine[] = [...facts.setAside];
  if (facts.closedWithoutAddon)
    lines.push({
      code: 'closed-without-addon',
      text: 'this node is closed, and without the C++ addon its own datagrams are held back, too: nobody is reached; install g++ and start again',
    });
  for (const fallback of facts.fallbacks)
    lines.push({ code: 'slow-path', text: `${fallback}: packets are moved without this offload, more slowly` });
  const remedy = facts.hasServer ? 'the server has to be reached' : 'read a newer bundle';
  for (const { name, state } of facts.groups)
    if (state !== 'current') lines.push({ code: 'group-stopped', text: `group ${name}: ${state}; ${remedy}` });
  if (facts.certificateLeft < WARN_DAYS * DAY && !facts.hasServer)
    lines.push({
      code: 'certificate-ends',
      text: `this node's certificate ends in ${Math.floor(facts.certificateLeft / DAY)} days; read a newer bundle`,
    });
  for (const { name, mtu } of facts.smallPaths)
    lines.push({
      code: 'path-mtu-small',
      text: `the path to ${name} carries ${mtu} bytes: IPv6 needs ${INNER_MTU_FLOOR} and loses larger packets there; raise the MTU of the network between`,
    });
  if (facts.notKept !== undefined)
    lines.push({
      code: 'state-not-kept',
      text: `${facts.notKept}; the node goes on, but a restart would begin with older keys: make room or mend the disk`,
    });
  if (facts.isPolled)
    lines.push({
      code: 'network-polled',
      text: 'neither netlink nor "ip monitor" can be had here: a change of network is noticed up to 5 s late',
    });
  return lines;
}

/** A bundle file that was not taken at the start. */
export function refusedBundleLine({ message, remedy }: GscipError): HealthLine {
  return { code: 'bundle-refused', text: `${message}; the node runs with the copy that it kept; ${remedy}` };
}

/** A group whose newer roster contradicts the one that was held (protocol.md 9.3). */
export function refusedRosterLine({ group, fault }: RefusedRoster): HealthLine {
  return {
    code: 'roster-refused',
    text: `the bundle's list of members of group ${group} does not go on from the one that this node had (${fault}); nothing of it was taken: ask the authority which of the two is right`,
  };
}

/** Without a server nobody tells a node the time: `seconds` its clock is behind the latest time that it has seen. */
export function clockWentBack(seconds: number): HealthLine[] {
  if (seconds <= DAY) return [];
  return [
    {
      code: 'clock-went-back',
      text: `this machine's clock is ${Math.floor(seconds / DAY)} days behind the latest time that the node has seen. If it is wrong, other nodes refuse this one: set it and start the node again. If it is right, it was ahead once, and this node takes others' certificates for ended: stop the node, delete its state folder, and start it with its bundle`,
    },
  ];
}

/** What runs beside the agent in the same program, and may have something to say in `status`. */
export interface Beside {
  health(): readonly HealthLine[];
}

export const NOTHING_BESIDE: Beside = { health: () => [] };
