import { parseInterface } from '../agent-config.ts';
import type { StateDir } from '../state-dir.ts';
import type { ResolverMode } from './resolver-choice.ts';
import { resolverDoor } from './resolver-door.ts';

/** What a node has told the resolver of its machine, and by which ways: kept first, so that a crash leaves nothing unknown. */
export interface NamesNote {
  readonly modes: readonly ResolverMode[];
  readonly tun: string;
}

/** Where the note is kept. */
export type NotePlace = Pick<StateDir, 'text' | 'writeText' | 'discard'>;

const MODES: readonly ResolverMode[] = ['resolved', 'resolvconf', 'hosts'];

/** Takes back what a run left that could not do it itself; says by which ways it had been told. */
export async function undoLeftNames(state: NotePlace, door = resolverDoor): Promise<readonly ResolverMode[]> {
  const text = state.text('names');
  if (text === undefined) return [];
  const { modes, tun } = parseNote(text);
  for (const mode of modes) await door(mode, tun).undo();
  state.discard('names');
  return modes;
}

export function noteText(note: NamesNote): string {
  return JSON.stringify(note);
}

/** What somebody else wrote there must not lead to any other file, or be taken for options of a program. */
function parseNote(text: string): NamesNote {
  const nothing: NamesNote = { modes: [], tun: '' };
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value !== 'object' || value === null) return nothing;
    if (!('modes' in value) || !('tun' in value)) return nothing;
    const { modes, tun } = value;
    if (!Array.isArray(modes) || typeof tun !== 'string') return nothing;
    return { modes: MODES.filter((mode) => modes.some((each) => each === mode)), tun: parseInterface(tun) };
  } catch {
    return nothing;
  }
}
