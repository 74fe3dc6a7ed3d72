import type { DirectoryPeer } from '../../api/channel/server-message.ts';
import type { Brand, Millis, UnixSeconds } from '../../base/brands.ts';
import type { LogFields, LogLevel } from '../../base/log.ts';
import type { Draft } from '../network/draft.ts';
import type { Tools } from '../network/tools.ts';
import type { Actor, JsonObject } from '../store/store.ts';

/** Number of one connection of a process, never used twice. */
export type ChannelId = Brand<number, 'ChannelId'>;

export function channelId(value: number): ChannelId {
  return value as ChannelId;
}

/** When something happens, by both clocks. */
export interface Moment {
  readonly now: Millis;
  readonly time: UnixSeconds;
}

/** What the hub wants done, in this order. */
export type HubEffect =
  | { readonly kind: 'send'; readonly channel: ChannelId; readonly frame: Uint8Array }
  /** after what was sent before */
  | { readonly kind: 'close'; readonly channel: ChannelId; readonly reason: string }
  | RunEffect
  /** for the hubs of the network's other processes: call `handleShared` there */
  | { readonly kind: 'share'; readonly peers: readonly DirectoryPeer[] }
  | { readonly kind: 'log'; readonly level: LogLevel; readonly event: string; readonly fields: LogFields };

/** A command for the store. When it is kept or refused, `settled` is called; with the error if there was one. */
export interface RunEffect {
  readonly kind: 'run';
  readonly actor: Actor;
  readonly action: string;
  readonly detail: JsonObject;
  readonly command: (draft: Draft, tools: Tools) => void;
  readonly settled: (error: unknown, moment: Moment) => void;
}
