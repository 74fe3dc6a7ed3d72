import type { Logger } from '../base/log.ts';
import { unreachable } from '../base/unreachable.ts';
import type { NodeEffect } from './node-effects.ts';
import type { PacketIo } from './packet-io.ts';

type PathResponse = Extract<NodeEffect, { kind: 'path-response' }>;
type Trace = Extract<NodeEffect, { kind: 'trace' }>;

/** Where the effects go that are not packets. */
export interface EffectSinks {
  readonly io: PacketIo;
  readonly log: Logger;
  persist(what: 'versions' | 'paths'): void;
  refresh(what: string): void;
  pathResponse(response: PathResponse): void;
  trace(trace: Trace): void;
  sendFailed(): void;
}

/** Carries out what the engine asked for: the one place where it meets the world. */
export function carryOut(effects: readonly NodeEffect[], sinks: EffectSinks): void {
  for (const effect of effects) carryOutOne(effect, sinks);
}

function carryOutOne(effect: NodeEffect, sinks: EffectSinks): void {
  switch (effect.kind) {
    case 'send':
      if (!sinks.io.send(effect.bytes, effect.to)) sinks.sendFailed();
      return;
    case 'seal':
      return sinks.io.sealAndSend(effect.packet, effect.sa);
    case 'deliver':
      return sinks.io.deliver(effect.packet, false);
    case 'refresh':
      return sinks.refresh(effect.what);
    case 'persist':
      return sinks.persist(effect.what);
    case 'path-response':
      return sinks.pathResponse(effect);
    case 'log':
      return sinks.log.log(effect.level, effect.event, effect.fields);
    case 'trace':
      return sinks.trace(effect);
    default:
      return unreachable(effect);
  }
}
