import type { Command } from 'commander';

/** What the file of a verb exports: it adds arguments, options, examples and the action to its command. */
export interface VerbModule {
  readonly define: (command: Command) => void;
}

export interface Verb {
  readonly name: string;
  readonly summary: string;
  readonly load: () => Promise<VerbModule>;
}

/**
 * Every verb of `gscip`, in the order of `gscip --help`. A new verb is one line here and one file beside this one,
 * which is loaded only when the verb is used.
 */
export const VERBS: readonly Verb[] = [
  { name: 'authority', summary: 'keep a network without a server, in a folder', load: () => import('./authority.ts') },
  { name: 'key', summary: 'enter a group key by hand, or read keys again', load: () => import('./key.ts') },
  { name: 'version', summary: 'print the versions of GSCIP and its parts', load: () => import('./version.ts') },
];
