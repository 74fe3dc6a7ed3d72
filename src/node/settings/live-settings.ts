import { readFileSync } from 'node:fs';
import type { ReloadAnswer } from '../../api/questions.ts';
import type { RereadAnswer } from '../../api/settings.ts';
import { GscipError } from '../../base/errors.ts';
import type { Logger, LogLevel } from '../../base/log.ts';
import { unreachable } from '../../base/unreachable.ts';
import { setInterfaceMtu } from '../../tun/interface.ts';
import { type AgentConfig, parseConfigFile, type WrittenConfig } from '../agent-config.ts';
import type { Engine } from '../engine.ts';
import type { FirstPaths } from '../first-paths.ts';
import type { HostSide } from '../host-side.ts';
import type { MetricsPort } from '../metrics-port.ts';
import type { StateDir } from '../state-dir.ts';
import type { Underlay } from '../underlay.ts';
import { type LiveSetting, type Settings, type SettingsPorts, withWholePaths } from './settings.ts';

/** What of a running agent its settings reach. */
export interface LiveParts {
  readonly config: AgentConfig;
  readonly engine: Engine;
  readonly underlay: Underlay;
  readonly host: HostSide;
  readonly firstPaths: FirstPaths;
  readonly metrics: MetricsPort;
  readonly state: StateDir;
  readonly log: NodeLog;
}

/** The log of a node: its level is one of its settings, and support wants to read it. */
export interface NodeLog extends Logger {
  setLevel(level: LogLevel): void;
  /** its newest lines, oldest first, without their ends */
  recent(): readonly string[];
}

/** What SIGHUP and `gscip reload` do: the file of settings is read again, then keys. */
export async function reloadAll(
  settings: Settings,
  kept: string,
  log: Logger,
  keys: () => Promise<ReloadAnswer>,
): Promise<RereadAnswer> {
  const changed = await settings.reread(kept);
  for (const { name, effect } of changed) log.log('info', 'setting-changed', { setting: name, effect });
  const { bundleNumber, changes } = await keys();
  return { schema: 1, file: settings.file ?? kept, changed, bundleNumber, groupChanges: changes };
}

/** Settings of a running agent: what is not looked up each time is told to whoever holds it. */
export function liveSettings(parts: LiveParts): SettingsPorts {
  return {
    check: (fresh, name) => {
      if (name === 'peer') parts.firstPaths.refuseMistaken(parts.engine.node, fresh.peers);
    },
    keep: (text) => parts.state.writeConfig(text),
    read: readSettings,
    apply: async (changed) => {
      // what the kernel may refuse comes first
      const { config, metrics } = parts;
      const undo = changed.has('metrics') ? await metrics.move(config.metrics) : undefined;
      try {
        if (changed.has('mtu')) await setInterfaceMtu(config.tun, config.mtu);
      } catch (error) {
        await undo?.();
        throw error;
      }
      for (const name of changed) carryOut(name, parts);
    },
  };
}

function carryOut(name: LiveSetting, { config, engine, underlay, host, firstPaths, log }: LiveParts): void {
  switch (name) {
    case 'mtu':
      return engine.node.mtus.setInterface(config.mtu);
    case 'peer':
      return firstPaths.hint(engine.node);
    case 'log-level':
      return log.setLevel(config.logLevel);
    case 'port-mapping':
      return underlay.handleMappingWish();
    case 'snat':
    case 'transit':
    case 'home':
    case 'dns':
      return void host.follow();
    case 'flows-per-peer':
    case 'new-flows-per-second':
    case 'rekey-after':
      return; // looked up each time
    case 'metrics':
      return; // moved before the others
    default:
      return unreachable(name);
  }
}

/** The file of settings that a person wrote, with whole paths. */
export function readSettings(path: string): WrittenConfig {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (cause) {
    throw new GscipError('bad-config', `cannot read ${path}`, 'check that the file is there, and its name', cause);
  }
  return withWholePaths(parseConfigFile(text, path));
}
