import { VOLUME_SOFT } from '../pccom/limits.ts';
import type { AgentConfig } from './agent-config.ts';
import type { EngineSettings } from './node-state.ts';
import type { IoFacts } from './packet-io.ts';

/** A node without workers. */
const ONE_LOOP = { lanes: 1, workers: 1 } as const;

const REHEARSED_FLOWS = 1_024;

/** What the engine runs with; what of it `config` may change while the node runs is looked up each time. `noGms`: there is no server (protocol.md 3.5). */
export function engineSettings(
  config: AgentConfig,
  self: () => { readonly type: string; readonly mode: string },
  noGms: boolean,
  { lanes, workers }: Pick<IoFacts, 'lanes' | 'workers'>,
  pitCapacity = config.flows,
): EngineSettings {
  const { type } = self();
  return {
    type: type === 'gen' || type === 'gea' ? type : 'ges',
    // an administrator may change it at any time, and the certificate with it
    get mode() {
      return self().mode === 'cl' ? 'cl' : 'op';
    },
    suites: [1, 2],
    lanes,
    hasWorkers: workers > 1,
    get mtu() {
      return config.mtu;
    },
    noGms,
    lifetime: 600,
    pitCapacity,
    get rekeyVolume() {
      return Math.min(VOLUME_SOFT, (config.rekeyAfter * 2 ** 30) / 16);
    },
    pitLimits: {
      get entriesPerPeer() {
        return config.flowsPerPeer;
      },
      get newPerSecond() {
        return config.newFlowsPerSecond;
      },
    },
    windowBits: 65_536,
  };
}

/** The same for a rehearsal: an object of the same shape, for which the same machine code works. */
export function rehearsalSettings(config: AgentConfig): EngineSettings {
  return engineSettings(config, () => ({ type: 'ges', mode: 'op' }), true, ONE_LOOP, REHEARSED_FLOWS);
}
