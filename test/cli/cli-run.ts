import { vi } from 'vitest';
import { runCli } from '../../src/cli/run-cli.ts';
import type { Verb } from '../../src/cli/verbs.ts';

export interface CliRun {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs one command line inside this process and collects what it prints. */
export async function run(words: readonly string[], verbs?: readonly Verb[]): Promise<CliRun> {
  const out: string[] = [];
  const err: string[] = [];
  const into = (lines: string[]) => (text: unknown) => {
    lines.push(String(text));
    return true;
  };
  const spies = [
    vi.spyOn(process.stdout, 'write').mockImplementation(into(out)),
    vi.spyOn(process.stderr, 'write').mockImplementation(into(err)),
    vi.spyOn(console, 'log').mockImplementation((text: unknown) => void out.push(`${String(text)}\n`)),
    vi.spyOn(console, 'error').mockImplementation((text: unknown) => void err.push(`${String(text)}\n`)),
  ];
  const before = process.exitCode;
  try {
    process.exitCode = undefined;
    return { status: await runCli(words, verbs), stdout: out.join(''), stderr: err.join('') };
  } finally {
    process.exitCode = before;
    for (const spy of spies) spy.mockRestore();
  }
}

/** The one JSON object that a command printed. */
export function json(result: CliRun): Readonly<Record<string, unknown>> {
  return JSON.parse(result.stdout);
}
