import { refuseRunning } from './control-socket.ts';
import type { Beside } from './health.ts';
import { type KeySource, sourceOf } from './key-source.ts';
import { ServerDial } from './server-dial.ts';
import type { NodeLog } from './settings/live-settings.ts';
import type { Settings } from './settings/settings.ts';
import { type KeptState, StateDir } from './state-dir.ts';

/** What is there before the devices are opened. */
export interface Given {
  readonly state: StateDir;
  readonly kept: KeptState | undefined;
  readonly source: KeySource;
  readonly dial: ServerDial;
  readonly beside: Beside;
}

/** Looks it up; throws where another agent runs, keys cannot be had, or `end` breaks the waiting for them off. */
export async function givenOf(
  { config, text }: Settings,
  log: NodeLog,
  end: AbortSignal,
  beside: Beside,
): Promise<Given> {
  const state = new StateDir(config.state);
  const kept = state.kept();
  await refuseRunning(config.socket);
  const dial = new ServerDial(state);
  const source = await sourceOf(config, text, { state, kept, log, dial, end });
  return { state, kept, source, dial, beside };
}
