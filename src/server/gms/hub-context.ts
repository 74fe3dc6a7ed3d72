import type { ServerMessage } from '../../api/channel/server-message.ts';
import type { UnixSeconds } from '../../base/brands.ts';
import type { LogFields, LogLevel } from '../../base/log.ts';
import type { CryptoProvider } from '../../crypto/provider.ts';
import { type View, viewOf } from '../network/draft.ts';
import { settingsOf } from '../network/settings.ts';
import type { NetworkState, SettingsRow } from '../network/state.ts';
import type { Tools } from '../network/tools.ts';
import type { ChannelEffect } from './channel.ts';
import type { HubEffect, RunEffect } from './hub-effects.ts';
import { type ServerKeys, serverKeys } from './server-keys.ts';
import type { Connection } from './session.ts';

/** What a hub takes from outside. */
export interface HubDeps {
  /** of the store: live */
  readonly state: NetworkState;
  readonly provider: CryptoProvider;
  random(length: number): Uint8Array;
}

/** What the parts of a hub share: the state, the tools of the rules, and the list of what is to be done. */
export class HubContext {
  readonly view: View;
  readonly #deps: HubDeps;
  #effects: HubEffect[] = [];
  #keys: { readonly settings: SettingsRow; readonly keys: ServerKeys } | undefined;

  constructor(deps: HubDeps) {
    this.#deps = deps;
    this.view = viewOf(deps.state);
  }

  get provider(): CryptoProvider {
    return this.#deps.provider;
  }

  random(length: number): Uint8Array {
    return this.#deps.random(length);
  }

  tools(now: UnixSeconds): Tools {
    return { provider: this.provider, random: (length) => this.random(length), now };
  }

  /** The server's keys; a network's seeds never change, but its settings row does. */
  keys(): ServerKeys {
    const settings = settingsOf(this.view);
    if (this.#keys?.settings.caSeed !== settings.caSeed)
      this.#keys = { settings, keys: serverKeys(this.provider, settings) };
    return this.#keys.keys;
  }

  takeEffects(): HubEffect[] {
    const effects = this.#effects;
    this.#effects = [];
    return effects;
  }

  emit(effect: HubEffect): void {
    this.#effects.push(effect);
  }

  run(effect: Omit<RunEffect, 'kind' | 'detail'> & Partial<Pick<RunEffect, 'detail'>>): void {
    this.emit({ kind: 'run', detail: {}, ...effect });
  }

  log(level: LogLevel, event: string, fields: LogFields): void {
    this.emit({ kind: 'log', level, event, fields });
  }

  say({ id, channel }: Connection, message: ServerMessage): void {
    this.emitSends(id, channel.send(message));
  }

  /** A message that is encoded already. */
  sayBytes({ id, channel }: Connection, message: Uint8Array): void {
    this.emitSends(id, channel.sendBytes(message));
  }

  /** What is to go out of the effects of a channel; an end among them is found by the next frame or tick. */
  emitSends(channel: Connection['id'], effects: readonly ChannelEffect[]): void {
    for (const effect of effects) if (effect.kind === 'send') this.emit({ kind: 'send', channel, frame: effect.frame });
  }
}
