import { resolve } from 'node:path';
import { stringify } from 'smol-toml';
import type { ChangedSetting, SettingAnswer, SettingChange, SettingValue } from '../../api/settings.ts';
import { type AgentConfig, listenText, resolveConfig, settingsToKeep, type WrittenConfig } from '../agent-config.ts';
import { changedNames, SETTING_NAMES, type SettingName, settingName, withChanges } from './setting-change.ts';

/** Settings that take effect while the node runs, with what they become; every other one waits for the next start. */
const LIVE = {
  peer: 'peers',
  mtu: 'mtu',
  'log-level': 'logLevel',
  metrics: 'metrics',
  'flows-per-peer': 'flowsPerPeer',
  'new-flows-per-second': 'newFlowsPerSecond',
  'rekey-after': 'rekeyAfter',
  'port-mapping': 'portMapping',
  dns: 'dns',
  snat: 'snat',
  transit: 'transit',
  home: 'home',
} as const satisfies Partial<Record<SettingName, keyof AgentConfig>>;
export type LiveSetting = keyof typeof LIVE;

/** What the settings of one start came from. */
export interface SettingsOrigin {
  /** all of it joined: what was kept, the file, the options; without the join token */
  readonly written: WrittenConfig;
  readonly options: WrittenConfig;
  /** the file behind --config, with what it said */
  readonly file: { readonly path: string; readonly written: WrittenConfig } | undefined;
  readonly config: AgentConfig;
}

/** What settings need of a running node. */
export interface SettingsPorts {
  /** throws where a value names something that is not there */
  check(fresh: AgentConfig, name: SettingName): void;
  /** for the next start */
  keep(text: string): void;
  /** what `config` says by now is carried out; a rejection takes the change back */
  apply(changed: ReadonlySet<LiveSetting>): Promise<void>;
  /** reads the file of settings; throws where it cannot be read */
  read(path: string): WrittenConfig;
}

/** The settings of a node: what it runs with, what the next start takes, and how they change while it runs. */
export class Settings {
  /** what the node runs with: values that take effect at once change in place */
  readonly config: AgentConfig;
  readonly #options: WrittenConfig;
  readonly #file: string | undefined;
  /** what the file said when it was read last; without one it is what is kept */
  #fileSaid: WrittenConfig;
  #next: WrittenConfig;
  #inForce: WrittenConfig;
  #ports: SettingsPorts | undefined;

  constructor({ written, options, file, config }: SettingsOrigin) {
    this.config = { ...config };
    this.#options = options;
    this.#file = file?.path;
    this.#next = settingsToKeep(written);
    this.#fileSaid = file?.written ?? this.#next;
    this.#inForce = this.#next;
  }

  /** What a bare start resumes with. */
  get text(): string {
    return stringify({ ...this.#next });
  }

  /** The file that `reread` reads, where it is not the one in the state folder. */
  get file(): string | undefined {
    return this.#file;
  }

  /** From here on changes take effect. */
  attach(ports: SettingsPorts): void {
    this.#ports = ports;
  }

  /** All of them, or one by its name. */
  list(name?: string): SettingAnswer[] {
    const [values, next] = [valuesOf(this.#inForce), valuesOf(this.#next)];
    return (name === undefined ? SETTING_NAMES : [settingName(name)]).map((each) => ({
      name: each,
      value: values[each],
      next: next[each],
      isDefault: this.#next[each] === undefined,
      live: isLive(each),
    }));
  }

  /** Carries out what a person typed: all of it, or nothing. */
  change(changes: readonly SettingChange[]): Promise<ChangedSetting[]> {
    return this.#become(withChanges(this.#next, changes), true);
  }

  /** Reads the file again and takes up what is another there than the last time; an option of the start wins over it. */
  async reread(kept: string): Promise<ChangedSetting[]> {
    if (!this.#ports) return [];
    const fresh = settingsToKeep(this.#ports.read(this.#file ?? kept));
    const next = new Map(Object.entries(this.#next));
    for (const name of changedNames(this.#fileSaid, fresh)) {
      if (this.#options[name] !== undefined) continue;
      const value = fresh[name];
      if (value === undefined) next.delete(name);
      else next.set(name, value);
    }
    const said = this.#fileSaid;
    this.#fileSaid = fresh;
    try {
      return await this.#become(Object.fromEntries(next), false);
    } catch (error) {
      this.#fileSaid = said;
      throw error;
    }
  }

  async #become(next: WrittenConfig, isTyped: boolean): Promise<ChangedSetting[]> {
    const names = changedNames(this.#next, next);
    const fresh = resolveConfig(next);
    if (isTyped) for (const name of names) this.#ports?.check(fresh, name);
    const live = names.filter(isLive);
    const [before, wasInForce, wasRunning] = [this.#next, this.#inForce, { ...this.config }];
    this.#ports?.keep(stringify({ ...next }));
    this.#next = next;
    this.#inForce = { ...wasInForce, ...picked(next, live) };
    this.#run(fresh, live);
    try {
      await this.#ports?.apply(new Set(live));
    } catch (error) {
      this.#next = before;
      this.#inForce = wasInForce;
      this.#run(wasRunning, live);
      this.#ports?.keep(this.text);
      throw error;
    }
    if (this.#file === undefined) this.#fileSaid = next;
    const [then, now] = [valuesOf(before), valuesOf(next)];
    return names.map((name) => this.#changed(name, then[name], now[name]));
  }

  #changed(name: SettingName, before: SettingValue, after: SettingValue): ChangedSetting {
    const inFile = this.#file !== undefined && this.#differs(this.#fileSaid, name);
    const overruledBy = this.#differs(this.#options, name) ? 'option' : inFile ? 'file' : null;
    return { name, before, after, effect: isLive(name) ? 'now' : 'restart', overruledBy };
  }

  #differs(other: WrittenConfig, name: SettingName): boolean {
    return other[name] !== undefined && JSON.stringify(other[name]) !== JSON.stringify(this.#next[name]);
  }

  #run(from: AgentConfig, live: readonly LiveSetting[]): void {
    for (const name of live) Object.assign(this.config, { [LIVE[name]]: from[LIVE[name]] });
  }
}

/** Whether a change takes effect while the node runs. */
export function isLive(name: SettingName): name is LiveSetting {
  return Object.hasOwn(LIVE, name);
}

/** Undefined values too: they stand for a setting that went back to its default. */
function picked(written: WrittenConfig, names: readonly LiveSetting[]): WrittenConfig {
  return Object.fromEntries(names.map((name) => [name, written[name]]));
}

/** Every setting with its value, where nothing is written the default. */
function valuesOf(written: WrittenConfig): Readonly<Record<SettingName, SettingValue>> {
  const { listen, ...config } = resolveConfig(written);
  return {
    bundle: config.bundle ?? null,
    server: config.servers,
    name: config.name ?? null,
    'always-on': config.alwaysOn,
    'server-listen': written['server-listen'] ?? null,
    listen: listenText(listen.address, listen.port),
    peer: written.peer ?? [],
    state: config.state,
    socket: config.socket,
    tun: config.tun,
    mtu: config.mtu,
    'log-level': config.logLevel,
    'log-file': written['log-file'] ?? null,
    metrics: written.metrics ?? null,
    flows: config.flows,
    'flows-per-peer': config.flowsPerPeer,
    'new-flows-per-second': config.newFlowsPerSecond,
    'rekey-after': config.rekeyAfter,
    'warm-up': config.warmUp,
    workers: written.workers ?? null,
    'port-mapping': config.portMapping,
    dns: config.dns,
    snat: config.snat,
    transit: config.transit,
    home: written.home ?? [],
  };
}

/** Paths that mean the same from wherever the node is started next. */
export function withWholePaths(settings: WrittenConfig): WrittenConfig {
  const { bundle, state, socket, 'log-file': log } = settings;
  return {
    ...settings,
    ...(bundle !== undefined && { bundle: resolve(bundle) }),
    ...(state !== undefined && { state: resolve(state) }),
    ...(socket !== undefined && { socket: resolve(socket) }),
    ...(log !== undefined && { 'log-file': resolve(log) }),
  };
}
