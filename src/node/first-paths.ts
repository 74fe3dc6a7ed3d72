import type { HealthLine } from '../api/status.ts';
import type { NodeId } from '../base/brands.ts';
import { GscipError } from '../base/errors.ts';
import type { PathAddress } from '../base/path-address.ts';
import type { AgentConfig } from './agent-config.ts';
import type { NodeState } from './node-state.ts';

/** Peers of the last run that are greeted; more would be a burst for its own sake. */
const GREETED = 32;

/** Where peers are tried first: at the configured endpoint, then where they were in the last run. */
export class FirstPaths {
  readonly #config: Pick<AgentConfig, 'peers'>;
  readonly #lastRun: Readonly<Record<string, PathAddress>>;
  #unknown: readonly string[] = [];

  constructor(config: Pick<AgentConfig, 'peers'>, lastRun: Readonly<Record<string, PathAddress>>) {
    this.#config = config;
    this.#lastRun = lastRun;
  }

  /** Tells the path book. */
  hint(node: NodeState): void {
    const { directory, paths } = node;
    for (const member of directory.others()) {
      const last = this.#lastRun[member.id];
      if (last !== undefined) paths.hint(member.id, last);
    }
    const unknown: string[] = [];
    for (const [name, path] of this.#config.peers) {
      const id = otherNode(node, name);
      if (id === undefined) unknown.push(name);
      else paths.hint(id, path);
    }
    this.#unknown = unknown;
  }

  /**
   * The last run's peers learn at once that this node is back, by a handshake that it starts (protocol.md 2.5). They may have
   * asked for it all the while, and ask again after ever longer pauses, or have given up for some seconds.
   */
  greet({ directory }: NodeState, start: (peer: NodeId) => void): void {
    const known = directory.others().filter(({ id }) => this.#lastRun[id] !== undefined);
    for (const { id } of known.slice(0, GREETED)) start(id);
  }

  /** Names that were typed just now and that no other node has are a mistake. */
  refuseMistaken(node: NodeState, typed: ReadonlyMap<string, PathAddress>): void {
    for (const name of typed.keys())
      if (!this.#unknown.includes(name) && otherNode(node, name) === undefined) throw unknownPeer(node, name);
  }

  health(): HealthLine[] {
    return this.#unknown.map(unknownPeerLine);
  }
}

function otherNode({ directory, keys }: NodeState, name: string): NodeId | undefined {
  const member = directory.find(name);
  return member?.id === keys.self().id ? undefined : member?.id;
}

function unknownPeer({ directory }: NodeState, name: string): GscipError {
  const others = directory.others().map((member) => member.name);
  return new GscipError(
    'unknown-peer',
    `"${name}" is given an endpoint, but no other node of this network is called so`,
    `known are: ${others.join(', ') || 'none yet; a newer bundle knows the nodes that were added since'}`,
  );
}

/** A name in a file or kept from an earlier start may have been removed since: the node starts without it. */
function unknownPeerLine(name: string): HealthLine {
  return {
    code: 'unknown-peer',
    text: `the settings give an endpoint for "${name}", but no other node of this network is called so`,
  };
}
