import type { Millis, NodeId } from '../base/brands.ts';
import type { Cid } from '../base/cid.ts';
import type { PathAddress } from '../base/path-address.ts';
import { CaPartMemory } from '../crypto/ca-part-memory.ts';
import type { CryptoProvider } from '../crypto/provider.ts';
import type { Caps } from './caps.ts';
import type { DprpEffect, TraceEffect } from './effects.ts';
import { EphemeralSource } from './ephemeral.ts';
import type { NegotiationDeps } from './negotiation-deps.ts';
import { PeerCredentials } from './peer-credential.ts';

/** What the machines of one node share. */
export interface NegotiationContext {
  readonly deps: NegotiationDeps;
  readonly provider: CryptoProvider;
  readonly ephemerals: EphemeralSource;
  readonly credentials: PeerCredentials;
  /** certificates of elements on the path */
  readonly caParts: CaPartMemory;
}

export function negotiationContext(deps: NegotiationDeps): NegotiationContext {
  const random = (length: number) => deps.random(length);
  return {
    deps,
    provider: deps.provider,
    ephemerals: new EphemeralSource(deps.provider, random, deps.hedge),
    credentials: new PeerCredentials(deps.provider),
    caParts: new CaPartMemory(deps.provider),
  };
}

/** What this node says of itself in DDE and RGI. */
export function ownCaps({ settings }: NegotiationDeps): Caps {
  return { lanes: settings.lanes, noGms: settings.noGms, type: settings.type };
}

export function send(bytes: Uint8Array, to: PathAddress): DprpEffect {
  return { kind: 'send', bytes, to };
}

export function count(name: string, cid?: Cid): DprpEffect {
  return cid ? { kind: 'counter', name, cid } : { kind: 'counter', name };
}

export function trace(
  message: TraceEffect['message'],
  direction: TraceEffect['direction'],
  path: PathAddress,
  at: Millis,
  peer?: NodeId,
): TraceEffect {
  return { kind: 'trace', message, direction, path, peer, at };
}
