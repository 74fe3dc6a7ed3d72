import type { HealthLine } from '../api/status.ts';
import { GscipError } from '../base/errors.ts';
import type { PathAddress } from '../base/path-address.ts';
import type { NodeState } from './node-state.ts';

/**
 * Tells the path book where peers are tried first: at the configured endpoint, then where they were in the last run.
 * Returns the configured names that no other node has.
 */
export function hintPaths(
  { directory, paths, keys }: NodeState,
  configured: ReadonlyMap<string, PathAddress>,
  lastRun: Readonly<Record<string, PathAddress>>,
): string[] {
  const unknown: string[] = [];
  for (const member of directory.others()) {
    const last = lastRun[member.id];
    if (last !== undefined) paths.hint(member.id, last);
  }
  for (const [name, path] of configured) {
    const member = directory.find(name);
    if (member === undefined || member.id === keys.self().id) unknown.push(name);
    else paths.hint(member.id, path);
  }
  return unknown;
}

/** A name that was typed just now is a mistake. */
export function unknownPeer({ directory }: NodeState, name: string): GscipError {
  const others = directory.others().map((member) => member.name);
  return new GscipError(
    'unknown-peer',
    `--peer names "${name}", but no other node of this network is called so`,
    `known are: ${others.join(', ') || 'none yet; a newer bundle knows the nodes that were added since'}`,
  );
}

/** A name in a file or kept from an earlier start may have been removed since: the node starts without it. */
export function unknownPeerLine(name: string): HealthLine {
  return {
    code: 'unknown-peer',
    text: `the settings give an endpoint for "${name}", but no other node of this network is called so`,
  };
}
