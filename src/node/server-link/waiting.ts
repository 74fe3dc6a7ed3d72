import type { ControlRequest } from '../../api/control.ts';
import type { StatusAnswer } from '../../api/status.ts';
import { GscipError } from '../../base/errors.ts';
import type { Logger } from '../../base/log.ts';
import type { VerifiedBundle } from '../../crypto/bundle-verify.ts';
import type { AgentConfig } from '../agent-config.ts';
import { ControlSocket } from '../control-socket.ts';
import { whatStaysKept } from '../lock/lock.ts';
import { lockTable } from '../lock/lock-rules.ts';
import { networkDomain } from '../names/label.ts';
import type { StateDir } from '../state-dir.ts';
import type { LinkedNode } from './linked-node.ts';
import { serverHealth, serverStatus } from './server-status.ts';

interface Waiting {
  readonly state: StateDir;
  readonly log: Logger;
  /** ends the waiting, with its reason */
  readonly end: AbortSignal;
}

/**
 * A node without keys waits for its server: it has no interface yet, and answers `status`, `down` and `logout`. Settles with
 * the first keys; throws when they will not come, or somebody ended the waiting.
 */
export async function waitForKeys(
  config: AgentConfig,
  linked: LinkedNode,
  { state, log, end }: Waiting,
): Promise<VerifiedBundle> {
  end.throwIfAborted();
  const since = performance.now();
  const ended = Promise.withResolvers<never>();
  const answer = async (request: ControlRequest): Promise<object> => {
    switch (request.verb) {
      case 'status':
        return waitingStatus(config, linked, (performance.now() - since) / 1000);
      case 'down':
        ended.reject(stopped('it was ended while it waited for its first keys'));
        return whatStaysKept(state);
      case 'logout':
        await linked.logout();
        state.forget();
        ended.reject(stopped('it was logged out'));
        return { schema: 1, loggedOut: true };
      default:
        throw new GscipError('not-ready', 'the node waits for its first keys from the server', 'see "gscip status"');
    }
  };
  ended.promise.catch(() => undefined);
  end.addEventListener('abort', () => ended.reject(end.reason), { once: true });
  const control = await ControlSocket.listen(config.socket, answer);
  try {
    linked.start();
    log.log('info', 'waiting-for-server', { address: linked.status().address });
    return await Promise.race([linked.firstKeys(), ended.promise]);
  } catch (error) {
    linked.stop();
    throw error;
  } finally {
    await control.close();
  }
}

function stopped(why: string): GscipError {
  return new GscipError('stopped', `the node did not start: ${why}`, 'start it again with: sudo gscip up');
}

/** `status` of a node that has nothing yet. */
function waitingStatus(config: AgentConfig, linked: LinkedNode, uptimeSeconds: number): StatusAnswer {
  const { network = '', name = config.name ?? '' } = linked.enrolment ?? {};
  const [facts, now] = [linked.facts(), linked.corrected()];
  const what = { code: 'waiting-for-keys', text: 'the node waits for its first keys from the server' };
  return {
    schema: 1,
    node: {
      ...{ name, id: '', type: '', mode: '', addresses: [], network, listen: '' },
      ...{ interface: config.tun, mtu: config.mtu, uptimeSeconds },
    },
    groups: [],
    peers: [],
    server: serverStatus(facts, now),
    lock: { state: 'none', table: lockTable(config.tun) },
    underlay: { changesBy: null, portMapping: null },
    dataPath: {
      primitives: 'typescript',
      tun: { vnetHeader: false, tso: false, uso: false },
      udp: { gso: false, gro: false },
      workers: 0,
      fallbacks: [],
    },
    pit: { entries: 0, capacity: config.flows, heldPackets: 0 },
    gateway: null,
    elements: { above: null, below: [] },
    dns: { mode: 'none', domain: network === '' ? '' : networkDomain(network), names: 0, server: null, unnamed: [] },
    health: [what, ...serverHealth(facts, now)],
  };
}
