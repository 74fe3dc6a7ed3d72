import { concat } from '../base/bytes.ts';
import type { Logger } from '../base/log.ts';
import type { PathAddress } from '../base/path-address.ts';
import { unreachable } from '../base/unreachable.ts';
import { encodeFrame } from '../nat/relay-frame.ts';
import type { NodeEffect } from './node-effects.ts';
import type { PacketIo } from './packet-io.ts';
import { knownPath } from './path-cache.ts';

type PathResponse = Extract<NodeEffect, { kind: 'path-response' }>;
type Run = Extract<NodeEffect, { kind: 'send-run' }>;
type Trace = Extract<NodeEffect, { kind: 'trace' }>;

/** The tunnels of a node (tunnels.ts). */
export interface TunnelSink {
  carryOut(effect: TunnelEffect): void;
  /** takes a datagram that has to go through a tunnel; false leaves it to UDP */
  take(bytes: Uint8Array, to: PathAddress): boolean;
}

export type TunnelEffect = Extract<NodeEffect, { kind: 'tunnel' | 'send-tunnel' | 'detour' }>;

/** Where the effects go that are not packets. */
export interface EffectSinks {
  readonly io: Pick<PacketIo, 'send' | 'sendRun' | 'sealAndSend' | 'deliver'>;
  readonly log: Logger;
  persist(what: 'versions' | 'paths'): void;
  refresh(what: string): void;
  pathResponse(response: PathResponse): void;
  trace(trace: Trace): void;
  readonly tunnels: TunnelSink;
  sendSpare(bytes: Uint8Array, to: PathAddress): void;
  placed(): void;
  sendFailed(): void;
}

function send(bytes: Uint8Array, to: PathAddress, { io, tunnels, sendFailed }: EffectSinks): void {
  if (!tunnels.take(bytes, to) && !io.send(bytes, to)) sendFailed();
}

/** A tunnel takes all of a run or nothing, and each datagram as one that it may keep. */
function sendRun({ bytes, segment, to }: Run, { io, tunnels, sendFailed }: EffectSinks): void {
  if (!tunnels.take(bytes.slice(0, segment), to)) {
    if (!io.sendRun(bytes, segment, to)) sendFailed();
    return;
  }
  for (let at = segment; at < bytes.length; at += segment) tunnels.take(bytes.slice(at, at + segment), to);
}

/** What goes to the peer through a relay goes to the relay in a frame (protocol.md 7). */
export function framed(bytes: Uint8Array, to: PathAddress): Uint8Array {
  const { channel } = knownPath(to);
  return channel === 0 ? bytes : concat(encodeFrame(channel), bytes);
}

/**
 * Carries out what the engine asked for: the one place where it meets the world. What people read is written when everything
 * is on its way: a line takes as long as a datagram.
 */
export function carryOut(effects: readonly NodeEffect[], sinks: EffectSinks): void {
  for (const effect of effects) if (!isForPeople(effect)) carryOutOne(effect, sinks);
  for (const effect of effects) if (isForPeople(effect)) carryOutOne(effect, sinks);
}

function isForPeople({ kind }: NodeEffect): boolean {
  return kind === 'log' || kind === 'trace';
}

function carryOutOne(effect: NodeEffect, sinks: EffectSinks): void {
  switch (effect.kind) {
    case 'send':
      return send(framed(effect.bytes, effect.to), effect.to, sinks);
    case 'send-run':
      return sendRun(effect, sinks);
    case 'tunnel':
    case 'send-tunnel':
    case 'detour':
      return sinks.tunnels.carryOut(effect);
    case 'send-spare':
      return sinks.sendSpare(effect.bytes, effect.to);
    case 'placed':
      return sinks.placed();
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
